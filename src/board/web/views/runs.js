/* Every attempt at a resource: when, how long, what came, and why it ended. */

import { get } from "../api.js";
import { bytes, dateTime, duration, number, time } from "../format.js";
import { useGet, useTick } from "../hooks.js";
import { html, useEffect } from "../html.js";
import { t } from "../i18n/index.js";
import { merged, on, river } from "../live.js";
import { Empty, Failure, Figure, Head, Section, Status, Working } from "../parts/bits.js";
import { Sheet } from "../parts/sheet.js";
import { Table } from "../parts/table.js";
import { Timeline } from "../parts/timeline.js";
import { adjust, href, route } from "../router.js";

const LIMIT = 50;

const spent = (run) => (run.ended ? Date.parse(run.ended) : Date.now()) - Date.parse(run.started);
const count = (run, key) => number(run.counts?.[key]);

export default function Runs() {
    const { params } = route.value;
    const names = river.value?.resources.map(({ name }) => name) ?? [];
    return html`<${Head} title=${t("nav.runs")} note=${t("runs.note")}>
            ${
                names.length > 1 &&
                html`<select aria-label=${t("river.resource")} value=${params.resource ?? ""} onChange=${(event) => adjust({ resource: event.target.value })}>
                <option value="">${t("files.all_resources")}</option>${names.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}</select>`
            }</${Head}>
        <${List} key=${params.resource} resource=${params.resource} />
        ${params.run && html`<${RunSheet} key=${params.run} number=${params.run} />`}`;
}

function List({ resource }) {
    useTick(2000);
    const { data, error, reload, change } = useGet("/runs", { resource, limit: LIMIT });
    useEffect(
        () =>
            on("runs", ({ runs }) =>
                change((old) => ({
                    ...old,
                    runs: merged(
                        old.runs,
                        runs.filter((run) => !resource || run.resource === resource),
                    ),
                })),
            ),
        [],
    );
    const more = async () => {
        const next = await get("/runs", { resource, limit: LIMIT, before: data.runs.at(-1).number });
        change((old) => ({ ...old, runs: [...old.runs, ...next.runs], next: next.next }));
    };
    if (error) return html`<${Failure} error=${error} onRetry=${reload} />`;
    if (!data) return html`<${Working} label=${t("files.reading")} />`;
    if (!data.runs.length)
        return html`<${Empty} icon="runs" title=${t("runs.empty")}>${t("runs.empty_hint")} <code>riacho run FILE</code></${Empty}>`;
    const columns = [
        {
            key: "number",
            head: t("runs.run"),
            cell: (run) => html`<code>#${String(run.number)}</code> ${run.resource}`,
        },
        { key: "status", head: t("runs.status"), cell: (run) => html`<${Status} state=${run.status} />` },
        {
            key: "started",
            head: t("runs.started"),
            cell: (run) =>
                html`<time dateTime=${run.started} title=${dateTime(run.started)}>${time(run.started)}</time>`,
        },
        { key: "duration", head: t("runs.duration"), align: "end", cell: (run) => duration(spent(run)) },
        { key: "pages", head: t("files.pages"), align: "end", cell: (run) => count(run, "pages") },
        { key: "rows", head: t("river.rows"), align: "end", cell: (run) => count(run, "rows") },
        { key: "requests", head: t("runs.requests"), align: "end", cell: (run) => count(run, "requests") },
        {
            key: "retries",
            head: t("river.retries"),
            align: "end",
            cell: (run) =>
                html`<span class=${run.counts?.retries > 0 ? "is-warn" : ""}>${count(run, "retries")}</span>`,
        },
        {
            key: "why",
            head: t("runs.why"),
            wide: true,
            cell: (run) =>
                html`<span class=${run.error ? "is-bad clip" : "muted clip"}>${run.error ?? run.why ?? "–"}</span>`,
        },
    ];
    return html`<${Section} title=${t("river.timeline")}><${Timeline} runs=${data.runs.slice(0, 100)} now=${Date.now()} /></${Section}>
        <section class="section"><${Table} label=${t("nav.runs")} columns=${columns} rows=${data.runs} rowKey=${(run) => run.number} href=${(run) => href("runs", { resource, run: run.number })} />
        ${data.next && html`<footer class="foot"><button type="button" class="button" onClick=${more}>${t("files.more")}</button></footer>`}</section>`;
}

const COUNTS = ["requests", "retries", "pages", "records", "skipped", "rows", "files"];

/* The receipt: what the run did, in figures, and the files it left. */
function RunSheet({ number: wanted }) {
    const { data: run, error, reload } = useGet(`/runs/${wanted}`, {}, ["runs", "files"]);
    const close = () => adjust({ run: "" });
    if (!run)
        return html`<${Sheet} title=${t("runs.one", { number: wanted })} onClose=${close}><${Failure} error=${error} onRetry=${reload} /></${Sheet}>`;
    const figures = COUNTS.filter((key) => run.counts?.[key] !== undefined);
    return html`<${Sheet} title=${t("runs.one", { number: String(run.number) })} note=${`${run.resource} · ${run.run}`} onClose=${close}>
        <p><${Status} state=${run.status} /></p>
        ${run.error && html`<${Failure} error=${{ message: run.error }} />`}
        <section><h3>${t("runs.course")}</h3><dl class="facts is-single"><${Figure} name=${t("runs.started")} value=${dateTime(run.started)} />
            <${Figure} name=${t("runs.ended")} value=${dateTime(run.ended)} /><${Figure} name=${t("runs.duration")} value=${duration(spent(run))} />
            <${Figure} name=${t("files.pages")} value=${run.last_page ? `${number(run.first_page)}–${number(run.last_page)}` : "–"} />
            ${run.resumes && html`<${Figure} name=${t("runs.resumes")} value=${html`<a href=${href("runs", { run: run.resumes })}>#${String(run.resumes)}</a>`} />`}
            ${run.why && html`<${Figure} name=${t("runs.why")} value=${run.why} />`}</dl></section>
        ${
            figures.length > 0 &&
            html`<section><h3>${t("runs.receipt")}</h3><dl class="facts">${figures.map((key) => html`<${Figure} key=${key} name=${t(`runs.count_${key}`)} value=${number(run.counts[key])} tone=${key === "retries" && run.counts[key] > 0 && "warn"} />`)}
            ${run.counts.bytes !== undefined && html`<${Figure} name=${t("runs.count_bytes")} value=${bytes(run.counts.bytes)} />`}</dl></section>`
        }
        <section><h3>${t("runs.files", { n: run.files.length })}</h3><ul class="plain">${run.files.map(
            (file) => html`<li key=${file.seq}>
            <a href=${href("files", { stage: "extract", file: file.seq })}>${file.path.split("/").at(-1)}</a> <small>${t("files.rows", { n: file.rows })}</small></li>`,
        )}</ul></section></${Sheet}>`;
}
