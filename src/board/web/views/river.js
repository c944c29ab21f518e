/* The home page: all stages as one stream, what flows, and what came out last. */

import { get } from "../api.js";
import { byteRate, bytes, compact, duration, number, percent, rate, time } from "../format.js";
import { useGet, useTick } from "../hooks.js";
import { html, useEffect, useMemo, useState } from "../html.js";
import { t } from "../i18n/index.js";
import { isPaused, on, river } from "../live.js";
import { Empty, Figure, Head, Meter, Section, Status } from "../parts/bits.js";
import { Plot } from "../parts/lazy.js";
import { middleAt, Stream } from "../parts/stream.js";
import { Table } from "../parts/table.js";
import { Timeline } from "../parts/timeline.js";
import { href } from "../router.js";

const MINUTES = 15;
const BUCKETS = 180;
const FEWEST = 24;
const STATIONS = 5;

const sum = (list, key) => list.reduce((total, item) => total + (item[key] ?? 0), 0);

export default function River() {
    const now = river.value;
    if (!now) return html`<div class="wait" />`;
    const isEmpty = !now.runs.length && !now.totals.landed.files;
    return html`<${Head} title=${t("nav.river")} note=${t(now.live ? "river.note_live" : "river.note_resting", { broker: now.broker, engine: now.engine })} />
        <${Course} now=${now} />
        ${isEmpty && html`<${Empty} title=${t("river.empty")}>${t("river.empty_hint")} <code>riacho run FILE</code></${Empty}>`}
        <${Charts} />
        <div class="columns"><${Resources} now=${now} /><${Topics} now=${now} /></div>
        <div class="columns"><${Runs} now=${now} /><${Latest} /></div>`;
}

/* ---- the course: five stations and two pools ---- */

function Course({ now }) {
    const wet = sum(now.extract, "rows_per_s") + (now.transform.rows_per_s ?? 0) + sum(now.exports, "rows_per_s");
    const isRunning = now.extract.some((one) => one.state === "running");
    const speed = !now.live || isPaused.value ? "still" : wet > 0 || isRunning ? "fast" : "slow";
    const [landed, adjusted] = ["landed", "adjusted"].map((name) =>
        now.topics.filter(({ topic }) => topic.endsWith(`.${name}`)),
    );
    const stations = [
        { key: "source", body: html`<${Source} now=${now} />` },
        {
            key: "landing",
            body: html`<${Landing} now=${now} />`,
            pool: html`<${Pool} name=${t("river.pool_landed")} topics=${landed} share=${0.4} />`,
        },
        {
            key: "transform",
            body: html`<${Transform} transform=${now.transform} engine=${now.engine} dead=${now.dead} />`,
        },
        {
            key: "adjusted",
            body: html`<${Adjusted} now=${now} />`,
            pool: html`<${Pool} name=${t("river.pool_adjusted")} topics=${adjusted} share=${0.8} />`,
        },
        { key: "exports", body: html`<${Exports} now=${now} />` },
    ];
    return html`<section class="course" aria-label=${t("river.course")}><${Stream} speed=${speed} />
        <ol>${stations.map(
            ({ key, body, pool }, place) => html`<li key=${key} class="station">
            <i class="buoy" aria-hidden="true" style=${{ "--y": middleAt((place + 0.5) / STATIONS) / 100 }} />${pool}${body}</li>`,
        )}</ol></section>`;
}

/* A topic: the more that waits in it, the larger it is. */
function Pool({ name, topics, share }) {
    const lag = topics.reduce((most, { lag }) => Math.max(most, lag ?? 0), 0);
    const size = Math.round(22 + Math.min(26, Math.log2(1 + lag) * 3.5));
    const text = t("river.pool", { name, n: lag });
    return html`<a class=${lag > 0 ? "pool" : "pool is-clear"} href="#topics" title=${text} aria-label=${text} style=${{ "--y": middleAt(share) / 100, "--size": `${size}px` }}
        onClick=${(event) => {
            event.preventDefault();
            document.getElementById("topics")?.scrollIntoView({ block: "center" });
        }}>${compact(lag)}</a>`;
}

const Station = ({ name, to, value, unit, children }) => html`<a class="station-name" href=${to}>${name}</a>
    <p class="station-value"><b>${value}</b> <span>${unit}</span></p><dl>${children}</dl>`;

function Source({ now: { extract, live: isLive, rate_budget: budget } }) {
    const waiting = Math.max(0, ...extract.map((one) => one.waiting_ms ?? 0));
    return html`<${Station} name=${t("river.source")} to=${href("runs")} value=${isLive ? compact(sum(extract, "requests_per_s")) : compact(sum(extract, "requests"))}
            unit=${isLive ? t("river.requests_per_s") : t("river.requests")}>
        <${Figure} name=${t("river.in_flight")} value=${number(sum(extract, "in_flight"))} />
        <${Figure} name=${t("river.retries")} value=${number(sum(extract, "retries"))} tone=${sum(extract, "retries") > 0 && "warn"} />
        ${budget && html`<${Figure} name=${t("river.budget", { rate: number(budget.per_s, 2) })} value=${html`<${Meter} value=${budget.left} most=${budget.burst} label=${t("river.budget_left")} />`} />`}
        ${waiting > 0 && html`<${Figure} name=${t("river.waiting")} value=${duration(waiting)} tone="warn" />`}</${Station}>`;
}

function Landing({
    now: {
        extract,
        growing,
        totals: { landed },
    },
}) {
    const [queue, limit] = [sum(extract, "queue_bytes"), sum(extract, "queue_limit")];
    return html`<${Station} name=${t("river.landing")} to=${href("files", { stage: "extract" })} value=${compact(landed.rows)} unit=${t("chart.rows")}>
        <${Figure} name=${t("river.files")} value=${number(landed.files)} /><${Figure} name=${t("river.size")} value=${bytes(landed.bytes)} />
        ${limit > 0 && html`<${Figure} name=${t("river.queue")} value=${html`<${Meter} value=${queue} most=${limit} label=${t("river.queue_full")} />`} />`}
        ${growing?.bytes > 0 && html`<${Figure} name=${t("river.growing")} value=${bytes(growing.bytes)} tone="water" />`}</${Station}>`;
}

function Transform({ transform, engine, dead }) {
    return html`<${Station} name=${t("river.transform")} to=${href("data")} value=${compact(transform.rows_per_s ?? 0)} unit=${t("river.rows_per_s")}>
        <${Figure} name=${t("river.engine")} value=${engine} />
        <${Figure} name=${t("river.lag")} value=${number(transform.lag ?? 0)} />
        <${Figure} name=${html`<a href=${href("dead")}>${t("river.dead")}</a>`} value=${number(dead)} tone=${dead > 0 && "bad"} /></${Station}>`;
}

function Adjusted({
    now: {
        tables,
        totals: { adjusted },
    },
}) {
    return html`<${Station} name=${t("river.adjusted")} to=${href("files", { stage: "transform" })} value=${compact(adjusted.rows)} unit=${t("chart.rows")}>
        <${Figure} name=${t("river.tables")} value=${number(tables.length)} /><${Figure} name=${t("river.files")} value=${number(adjusted.files)} />
        <${Figure} name=${t("river.size")} value=${bytes(adjusted.bytes)} /></${Station}>`;
}

function Exports({
    now: {
        exports,
        totals: { exported },
    },
}) {
    return html`<${Station} name=${t("river.exports")} to=${href("files", { stage: "export" })} value=${compact(exported.rows)} unit=${t("chart.rows")}>
        <${Figure} name=${t("river.files")} value=${number(exported.files)} /><${Figure} name=${t("river.size")} value=${bytes(exported.bytes)} />
        ${exports.slice(0, 3).map((one) => html`<${Figure} key=${one.name} name=${t("river.lag_of", { name: one.name })} value=${number(one.lag ?? 0)} />`)}</${Station}>`;
}

/* ---- charts: what the ledger says was landed, adjusted and exported ---- */

const STAGE_KEYS = { extract: "landed", transform: "adjusted", export: "exported" };

/* The history from the server, and each file that comes added to its moment. */
function useThroughput() {
    const [history, setHistory] = useState(null);
    const read = () =>
        get("/throughput", { minutes: MINUTES, buckets: BUCKETS })
            .then(setHistory)
            .catch(() => {});
    useEffect(() => {
        read();
        const stop = on("fresh", read);
        const stopFiles = on("files", ({ files }) => setHistory((old) => old && files.reduce(withFile, old)));
        return () => {
            stop();
            stopFiles();
        };
    }, []);
    return history;
}

function withFile(history, file) {
    const series = history[STAGE_KEYS[file.stage]];
    const place = Math.floor((Date.parse(file.time) - history.from_ms) / history.step_ms);
    if (!series || place < 0) return history;
    const add = (values, amount) => {
        const grown = values.concat(Array(Math.max(0, place + 1 - values.length)).fill(0));
        grown[place] += amount;
        return grown;
    };
    return {
        ...history,
        [STAGE_KEYS[file.stage]]: {
            ...series,
            rows: add(series.rows, file.rows),
            bytes: add(series.bytes, file.bytes),
            files: add(series.files, 1),
        },
    };
}

/* From the first that flowed in the last fifteen minutes, or the last two at least, up to now: {x, of(stage, what) per second}. */
function windowOf(history, now) {
    const seconds = history.step_ms / 1000;
    const last = Math.max(0, Math.floor((now - history.from_ms) / history.step_ms));
    const flowed = (place) => Object.values(STAGE_KEYS).some((stage) => history[stage].files[place] > 0);
    const all = Array.from({ length: BUCKETS }, (_, place) => last - BUCKETS + 1 + place);
    const first = Math.max(0, all.findIndex(flowed) - 2);
    const places = all.slice(all.some(flowed) ? Math.min(first, BUCKETS - FEWEST) : 0);
    const of = (stage, what) => places.map((place) => (history[stage][what][place] ?? 0) / seconds);
    return {
        x: places.map((place) => (history.from_ms + place * history.step_ms) / 1000),
        of,
        minutes: Math.ceil((places.length * seconds) / 60),
    };
}

function Charts() {
    const tick = useTick(2500);
    const history = useThroughput();
    const frozen = isPaused.value;
    const drawn = useMemo(() => history && windowOf(history, Date.now()), [history, frozen ? null : tick]);
    const names = { landed: t("river.landing"), adjusted: t("river.adjusted"), exported: t("river.exports") };
    const series = (what) => Object.keys(names).map((stage) => ({ name: names[stage], values: drawn.of(stage, what) }));
    const chart = (
        title,
        what,
        format,
    ) => html`<${Section} title=${title} note=${t("river.last_minutes", { n: drawn?.minutes ?? MINUTES })} class="is-chart">
        ${drawn ? html`<${Plot} label=${title} x=${drawn.x} series=${series(what)} format=${format} isBytes=${what === "bytes"} kind="area" height=${160} />` : html`<div class="wait is-plot" />`}</${Section}>`;
    return html`<div class="columns is-even">${chart(t("river.chart_rows"), "rows", rate)}${chart(t("river.chart_bytes"), "bytes", byteRate)}</div>`;
}

/* ---- what is extracted ---- */

/* Against the last run of the resource that ended: the API itself does not tell how much there is. */
function progressOf(one, runs) {
    const before = runs.find(
        (run) => run.resource === one.resource && run.status === "ended" && run.number !== one.run,
    );
    const current = runs.find((run) => run.number === one.run);
    const pages = before?.counts?.pages ?? 0;
    if (one.state !== "running" || !current || pages < 2 || one.pages > pages) return null;
    const spent = Date.now() - Date.parse(current.started);
    return { share: one.pages / pages, left: one.pages > 0 ? (spent / one.pages) * (pages - one.pages) : null };
}

function Progress({ one, runs }) {
    const progress = progressOf(one, runs);
    if (!progress) return html`<span class="muted">${one.why ?? "–"}</span>`;
    return html`<span class="progress"><${Meter} value=${progress.share} most=${1} label=${t("river.progress")} /><span>${percent(progress.share)}${progress.left != null && ` · ${t("river.left", { time: duration(progress.left) })}`}</span></span>`;
}

function Resources({ now }) {
    const totals = Object.fromEntries(now.resources.map((one) => [one.name, one]));
    const stateOf = (one) => one.state ?? (one.unfinished ? "unfinished" : "resting");
    const columns = [
        { key: "name", head: t("river.resource"), cell: (one) => one.resource },
        { key: "state", head: t("runs.status"), cell: (one) => html`<${Status} state=${stateOf(one)} />` },
        {
            key: "page",
            head: t("river.page"),
            align: "end",
            cell: (one) => (one.state === "running" || one.unfinished ? number(one.next_page ?? 1) : "–"),
        },
        { key: "rate", head: t("river.rows_per_s"), align: "end", cell: (one) => compact(one.rows_per_s ?? 0) },
        { key: "rows", head: t("river.rows"), align: "end", cell: (one) => number(totals[one.resource]?.rows ?? 0) },
        {
            key: "cursor",
            head: t("river.cursor"),
            cell: (one) => html`<code>${one.cursor == null ? "–" : String(one.cursor)}</code>`,
        },
        {
            key: "progress",
            head: t("river.progress"),
            wide: true,
            cell: (one) =>
                one.error
                    ? html`<span class="is-bad">${one.error}</span>`
                    : html`<${Progress} one=${one} runs=${now.runs} />`,
        },
    ];
    return html`<${Section} title=${t("river.resources")} class="is-large"><${Table} label=${t("river.resources")} columns=${columns} rows=${now.extract}
        rowKey=${(one) => one.resource} href=${(one) => href("data", { resource: one.resource })} /></${Section}>`;
}

function Topics({ now }) {
    const columns = [
        { key: "topic", head: t("river.topic"), cell: (one) => one.topic },
        { key: "group", head: t("river.group"), cell: (one) => one.group ?? "–" },
        { key: "messages", head: t("river.messages"), align: "end", cell: (one) => number(one.messages) },
        {
            key: "lag",
            head: t("river.lag"),
            align: "end",
            cell: (one) => html`<span class=${one.lag > 0 ? "is-warn" : "muted"}>${number(one.lag)}</span>`,
        },
        { key: "claimed", head: t("river.claimed"), align: "end", cell: (one) => number(one.claimed) },
    ];
    return html`<${Section} title=${t("river.topics")}><div id="topics">${
        now.topics.length
            ? html`<${Table} label=${t("river.topics")} columns=${columns} rows=${now.topics} rowKey=${(one) => `${one.topic} ${one.group}`} />`
            : html`<${Empty} title=${t("river.no_topics")} />`
    }</div></${Section}>`;
}

/* ---- what happened ---- */

function Runs({ now }) {
    useTick(2000);
    return html`<${Section} title=${t("river.timeline")} class="is-large">${
        now.runs.length
            ? html`<${Timeline} runs=${now.runs} now=${Date.now()} />`
            : html`<${Empty} icon="runs" title=${t("runs.empty")} />`
    }</${Section}>`;
}

const LATEST = 8;

function Latest() {
    const { data, change } = useGet("/files", { limit: LATEST });
    useEffect(
        () =>
            on("files", ({ files }) =>
                change((old) => ({ ...old, files: [...files].reverse().concat(old.files).slice(0, LATEST) })),
            ),
        [],
    );
    return html`<${Section} title=${t("river.latest")}>${
        data?.files.length
            ? html`<ul class="latest">${data.files.map(
                  (file) => html`
        <li key=${file.seq}><a href=${href("files", { stage: file.stage, file: file.seq })} title=${file.path}>${file.path.split("/").at(-1)}</a>
        <span class=${`stage is-${file.stage}`}>${t(`stage.${file.stage}`)}</span><span>${t("files.rows", { n: file.rows })}</span><time dateTime=${file.time}>${time(file.time)}</time></li>`,
              )}</ul>`
            : html`<${Empty} icon="files" title=${t("files.empty")} />`
    }</${Section}>`;
}
