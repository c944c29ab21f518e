/*
 * The stream of what happens: `river` always holds the newest snapshot, and what else comes goes to whoever
 * asked for it by `on()`. Nothing is missed: a stream that begins again goes on from the last event's id.
 * A page that nobody sees closes its stream: browsers allow six a server, over all tabs.
 */

import { get } from "./api.js";
import { batch, signal, useEffect } from "./html.js";

/** The snapshot, or null before the first. */
export const river = signal(null);
/** "connecting", "live", "lost", "stopped" */
export const connection = signal("connecting");
export const isPaused = signal(false);

/* As many runs as a snapshot has. */
const RUNS = 20;

const listeners = new Map();
let stream = null;
let lastId = null;

/** Calls back for each event of a kind: files, removed, runs, dead, schemas; and `fresh` when all must be read again. */
export function on(kind, callback) {
    if (!listeners.has(kind)) listeners.set(kind, new Set());
    listeners.get(kind).add(callback);
    return () => listeners.get(kind).delete(callback);
}

const tell = (kind, data) =>
    batch(() => {
        for (const callback of listeners.get(kind) ?? []) callback(data);
    });

/** Changed runs take the place of what was known by their number; new ones come first. */
export function merged(known, runs) {
    const changed = new Map(runs.map((run) => [run.number, run]));
    const kept = known.map((run) => changed.get(run.number) ?? run);
    const old = new Set(known.map(({ number }) => number));
    return [...runs.filter(({ number }) => !old.has(number)).sort((a, b) => b.number - a.number), ...kept];
}

const handlers = {
    snapshot(data) {
        const isFirst = river.peek() === null;
        river.value = data;
        if (!isFirst) tell("fresh");
    },
    river(data) {
        river.value = { ...river.peek(), ...data };
    },
    runs({ runs }) {
        const now = river.peek();
        river.value = { ...now, runs: merged(now.runs, runs).slice(0, RUNS) };
        tell("runs", { runs });
    },
    dead(data) {
        river.value = { ...river.peek(), dead: data.open };
        tell("dead", data);
    },
    bye() {
        connection.value = "stopped";
    },
};

function receive(kind, event) {
    const data = JSON.parse(event.data);
    if (event.lastEventId) lastId = event.lastEventId;
    if (handlers[kind]) batch(() => handlers[kind](data));
    else tell(kind, data);
}

function open() {
    if (stream) return;
    stream = new EventSource(`/api/v1/events${lastId ? `?from=${encodeURIComponent(lastId)}` : ""}`);
    stream.onopen = () => {
        connection.value = "live";
    };
    stream.onerror = () => {
        connection.value = "lost";
        /* A refusal ends the stream for good; anything else the browser tries again itself. */
        if (stream?.readyState === EventSource.CLOSED) reopenLater();
    };
    for (const kind of ["snapshot", "river", "files", "removed", "runs", "dead", "schemas", "bye"])
        stream.addEventListener(kind, (event) => receive(kind, event));
}

function close() {
    stream?.close();
    stream = null;
}

function reopenLater() {
    close();
    setTimeout(() => {
        if (!isPaused.peek() && !document.hidden) open();
    }, 2000);
}

function openOrClose() {
    if (isPaused.peek() || document.hidden) close();
    else open();
}

/** Begins with a whole snapshot, so that the first view is drawn at once, and follows from there. */
export async function start() {
    const first = await get("/snapshot");
    lastId = first.id;
    river.value = first;
    openOrClose();
    document.addEventListener("visibilitychange", openOrClose);
}

export function pause(paused = !isPaused.peek()) {
    isPaused.value = paused;
    openOrClose();
}

/** on() for as long as a component is there. */
export function useLive(kind, callback, inputs = []) {
    useEffect(() => on(kind, callback), [kind, ...inputs]);
}
