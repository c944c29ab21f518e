/*
 * The server's API, /api/v1: plain requests, and queries, which are jobs that can be followed and cancelled.
 * Every refusal comes as an ApiError with a message for people and, often, a hint.
 */

const BASE = "/api/v1";
/* How long one request may hold on to wait for a query's end. */
const WAIT_MS = 1000;

export class ApiError extends Error {
    constructor({ message, hint = "", code = "", position }, status = 0) {
        super(message);
        Object.assign(this, { hint, code, status, position });
    }
}

/** Called when the server asks for a login. */
let onLogin = () => {};
export const whenLoginIsNeeded = (callback) => {
    onLogin = callback;
};

async function send(method, path, body, signal) {
    const headers = body === undefined ? {} : { "Content-Type": "application/json" };
    let answer;
    try {
        answer = await fetch(BASE + path, { method, headers, signal, body: body && JSON.stringify(body) });
    } catch (error) {
        if (error.name === "AbortError") throw error;
        throw new ApiError({ code: "unreachable", message: "" });
    }
    if (answer.status === 204) return null;
    const document = await answer.json().catch(() => ({}));
    if (answer.ok) return document;
    const refusal = new ApiError(document.error ?? { message: `HTTP ${answer.status}` }, answer.status);
    if (refusal.code === "login") onLogin();
    throw refusal;
}

/** `/files` and {stage: "extract", search: ""} make `/files?stage=extract`. */
function withQuery(path, params) {
    const given = Object.entries(params).filter(([, value]) => value !== undefined && value !== null && value !== "");
    return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

export const get = (path, params = {}, signal) => send("GET", withQuery(path, params), undefined, signal);
export const post = (path, body, signal) => send("POST", path, body, signal);

export const hasEnded = (query) => query.state !== "queued" && query.state !== "running";

/**
 * Runs a query to its end. `onProgress` sees it while it runs, with all rows that came so far.
 * Aborting the signal cancels it on the server too. Throws ApiError if it failed.
 */
export async function runQuery(body, { signal, onProgress = () => {} } = {}) {
    let query = await post("/queries", { ...body, wait_ms: WAIT_MS }, signal);
    /* Also when the page is left: others wait for the server. */
    const cancel = () => fetch(`${BASE}/queries/${query.id}`, { method: "DELETE", keepalive: true }).catch(() => {});

    signal?.addEventListener("abort", cancel, { once: true });
    addEventListener("pagehide", cancel);
    try {
        while (!hasEnded(query)) {
            onProgress(query);
            const rows = query.rows ?? [];
            const next = await get(`/queries/${query.id}`, { wait_ms: WAIT_MS, after: rows.length }, signal);
            query = { ...next, rows: rows.concat(next.rows ?? []) };
        }
    } finally {
        signal?.removeEventListener("abort", cancel);
        removeEventListener("pagehide", cancel);
    }
    if (query.error) throw new ApiError(query.error);
    return query;
}
