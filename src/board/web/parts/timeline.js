/* Runs as bars over time, a line for each resource. */

import { duration, time } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n/index.js";
import { href } from "../router.js";

const MOST_LINES = 12;

/* From the oldest start to now, at least a minute. */
function spanOf(runs, now) {
    const first = Math.min(...runs.map((run) => Date.parse(run.started)));
    const last = Math.max(...runs.map((run) => (run.ended ? Date.parse(run.ended) : now)));
    const size = Math.max(last - first, 60e3);
    return { first: last - size * 1.01, size: size * 1.02 };
}

export function Timeline({ runs, now }) {
    const names = [...new Set(runs.map((run) => run.resource))].slice(0, MOST_LINES);
    if (!names.length) return null;
    const { first, size } = spanOf(runs, now);
    const placeOf = (ms) => Math.max(0, Math.min(100, ((ms - first) / size) * 100));
    const bar = (run) => {
        const [from, to] = [placeOf(Date.parse(run.started)), placeOf(run.ended ? Date.parse(run.ended) : now)];
        const name = t("runs.bar", {
            number: String(run.number),
            resource: run.resource,
            status: t(`status.${run.status}`),
            time: time(run.started),
            duration: duration((run.ended ? Date.parse(run.ended) : now) - Date.parse(run.started)),
        });
        return html`<a key=${run.number} class=${`bar is-${run.status}`} href=${href("runs", { run: run.number })} title=${name} aria-label=${name}
            style=${{ left: `${from}%`, width: `${Math.max(to - from, 0)}%` }} />`;
    };
    const marks = [0, 0.25, 0.5, 0.75, 1].map((share) => first + share * size);
    return html`<div class="timeline"><ol>${names.map(
        (name) => html`<li key=${name}><span class="name" title=${name}>${name}</span>
        <span class="bars">${runs.filter((run) => run.resource === name).map(bar)}</span></li>`,
    )}</ol>
        <div class="axis" aria-hidden="true"><span />${html`<span>${marks.map((ms, place) => html`<i key=${place} style=${{ left: `${place * 25}%` }}>${time(ms)}</i>`)}</span>`}</div></div>`;
}
