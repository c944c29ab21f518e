/* Every file as it appears, and of each its lineage: what it was made from, and what was made from it. */

import { get } from "../api.js";
import { bytes, dateTime, number, time, typeName } from "../format.js";
import { useGet } from "../hooks.js";
import { html, useEffect, useState } from "../html.js";
import { t } from "../i18n/index.js";
import { on, river } from "../live.js";
import { Copy, Empty, Failure, Figure, Head, Search, Tabs, Working } from "../parts/bits.js";
import { Sheet } from "../parts/sheet.js";
import { Table } from "../parts/table.js";
import { adjust, href, route } from "../router.js";

const STAGES = { extract: "landed", transform: "adjusted", export: "exported" };
const LIMIT = 50;
/* As many as the page keeps while new ones come; older ones are a click away. */
const MOST = 500;

const nameOf = (file) => (file.path ?? file.id).split("/").at(-1);
const pagesOf = ({ first_page: first, last_page: last }) =>
    !first ? "–" : first === last ? number(first) : `${number(first)}–${number(last)}`;

export default function Files() {
    const { params } = route.value;
    const stage = STAGES[params.stage] ? params.stage : "extract";
    const totals = river.value?.totals;
    const tabs = Object.entries(STAGES).map(([key, total]) => ({
        key,
        name: t(`stage.${key}`),
        to: href("files", { stage: key, q: params.q, subject: "" }),
        count: totals && number(totals[total].files),
    }));
    return html`<${Head} title=${t("nav.files")} note=${t(`files.note_${stage}`)}>
            <${Subject} stage=${stage} value=${params.subject ?? ""} /><${Search} label=${t("files.search")} value=${params.q ?? ""} onSearch=${(q) => adjust({ q })} /></${Head}>
        <${Tabs} label=${t("files.stages")} tabs=${tabs} current=${stage} />
        <${List} key=${`${stage} ${params.subject} ${params.q}`} stage=${stage} subject=${params.subject} search=${params.q} />
        ${params.file && html`<${FileSheet} key=${params.file} seq=${params.file} />`}`;
}

function Subject({ stage, value }) {
    const now = river.value;
    const names = [...new Set((stage === "extract" ? now?.resources : now?.tables)?.map(({ name }) => name) ?? [])];
    if (names.length < 2) return null;
    return html`<select aria-label=${t("files.subject")} value=${value} onChange=${(event) => adjust({ subject: event.target.value })}>
        <option value="">${t(stage === "extract" ? "files.all_resources" : "files.all_tables")}</option>${names.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}</select>`;
}

function List({ stage, subject, search }) {
    const params = { stage, subject, search, limit: LIMIT };
    const { data, error, reload, change } = useGet("/files", params);
    const [fresh, setFresh] = useState(() => new Set());
    const fits = (file) =>
        file.stage === stage &&
        (!subject || file.subject === subject) &&
        (!search || `${file.id} ${file.path}`.toLowerCase().includes(search.toLowerCase()));

    useEffect(() => {
        const stops = [
            on("files", ({ files }) => {
                const mine = files.filter(fits).reverse();
                if (!mine.length) return;
                setFresh((old) => new Set([...old, ...mine.map(({ seq }) => seq)].slice(-MOST)));
                change((old) => {
                    const known = new Set(old.files.map(({ seq }) => seq));
                    const added = mine.filter(({ seq }) => !known.has(seq));
                    return {
                        ...old,
                        files: [...added, ...old.files].slice(0, MOST),
                        total: old.total === null ? null : old.total + added.length,
                    };
                });
            }),
            on("removed", ({ seqs }) =>
                change((old) => ({
                    ...old,
                    files: old.files.filter(({ seq }) => !seqs.includes(seq)),
                    total: old.total === null ? null : Math.max(0, old.total - seqs.length),
                })),
            ),
        ];
        return () => {
            for (const stop of stops) stop();
        };
    }, []);

    const more = async () => {
        const next = await get("/files", { ...params, before: data.files.at(-1).seq });
        change((old) => ({ ...old, files: [...old.files, ...next.files], next: next.next }));
    };
    if (error) return html`<${Failure} error=${error} onRetry=${reload} />`;
    if (!data) return html`<${Working} label=${t("files.reading")} />`;
    if (!data.files.length)
        return html`<${Empty} icon="files" title=${t(search || subject ? "files.none_match" : "files.empty")}>${!search && !subject && t(`files.empty_${stage}`)}</${Empty}>`;
    const columns = [
        { key: "name", head: t("files.name"), cell: (file) => html`<code>${nameOf(file)}</code>` },
        {
            key: "subject",
            head: t(stage === "extract" ? "river.resource" : "files.table"),
            cell: (file) => file.subject,
        },
        { key: "pages", head: t("files.pages"), align: "end", cell: pagesOf },
        { key: "rows", head: t("river.rows"), align: "end", cell: (file) => number(file.rows) },
        { key: "bytes", head: t("river.size"), align: "end", cell: (file) => bytes(file.bytes) },
        {
            key: "time",
            head: t("files.time"),
            align: "end",
            cell: (file) => html`<time dateTime=${file.time} title=${dateTime(file.time)}>${time(file.time)}</time>`,
        },
    ];
    return html`<section class="section"><${Table} label=${t(`stage.${stage}`)} columns=${columns} rows=${data.files} rowKey=${({ seq }) => seq}
            href=${({ seq }) => href("files", { stage, subject, q: search, file: seq })} rowClass=${({ seq }) => (fresh.has(seq) ? "is-new" : "")} />
        <footer class="foot"><span class="note">${data.total === null ? t("files.shown", { n: data.files.length }) : t("files.shown_of", { shown: data.files.length, n: data.total })}</span>
        ${data.next && html`<button type="button" class="button" onClick=${more}>${t("files.more")}</button>`}</footer></section>`;
}

/* ---- one file ---- */

function FileSheet({ seq }) {
    const { data: file, error, reload } = useGet(`/files/${seq}`, {}, ["files", "removed"]);
    const close = () => adjust({ file: "" });
    if (!file)
        return html`<${Sheet} title=${t("files.one")} onClose=${close}><${Failure} error=${error} onRetry=${reload} />${!error && html`<${Working} label=${t("files.reading")} />`}</${Sheet}>`;
    const target = { extract: { file: file.seq }, transform: { file: file.seq }, export: null }[file.stage];
    return html`<${Sheet} title=${nameOf(file)} note=${`${t(`stage.${file.stage}`)} · ${file.subject}`} onClose=${close}>
        ${file.removed && html`<p class="notice">${t("files.removed")}</p>`}
        <${Lineage} file=${file} />
        ${target && !file.removed && html`<p><a class="button is-main" href=${href("data", target)}>${t("files.open")}</a></p>`}
        <section><h3>${t("files.facts")}</h3><dl class="facts is-single">
            <${Figure} name=${t("river.rows")} value=${number(file.rows)} /><${Figure} name=${t("river.size")} value=${`${bytes(file.bytes)} (${number(file.bytes)} B)`} />
            <${Figure} name=${t("files.pages")} value=${pagesOf(file)} /><${Figure} name=${t("files.time")} value=${dateTime(file.time)} />
            <${Figure} name=${t("files.path")} value=${html`<code>${file.root}/${file.path}</code> <${Copy} text=${file.path} label=${t("files.copy_path")} />`} />
            ${file.sha256 && html`<${Figure} name="SHA-256" value=${html`<code>${file.sha256}</code> <${Copy} text=${file.sha256} label=${t("files.copy_hash")} />`} />`}
            ${file.run && html`<${Figure} name=${t("files.run")} value=${html`<code>${file.run}</code>`} />`}
            ${file.request && html`<${Figure} name=${t("files.request")} value=${html`<code>${file.request}</code>`} />`}
            ${file.schema && html`<${Figure} name=${t("files.schema")} value=${html`<a href=${href("schemas", { resource: file.subject })}><code>${file.schema}</code></a>`} />`}</dl></section>
        <${ColumnList} columns=${file.columns} /></${Sheet}>`;
}

/* Three steps of the stream: made from, the file, what was made of it. */
function Lineage({ file }) {
    const column = (name, files, none) =>
        html`<section><h3>${name}</h3>${
            files.length
                ? html`<ul>${files.map(
                      (one) => html`<li key=${one.id}>
        ${one.seq ? html`<a href=${href("files", { stage: one.stage, file: one.seq })}>${nameOf(one)}</a>` : html`<span>${one.id}</span>`}
        ${one.rows != null && html`<small>${t(`stage.${one.stage}`)} · ${t("files.rows", { n: one.rows })}</small>`}</li>`,
                  )}</ul>`
                : html`<p class="muted">${none}</p>`
        }</section>`;
    const origins = file.stage === "extract" ? [] : (file.origins ?? []);
    const source = file.request ? html`<code>${file.request}</code>` : t("files.no_origin");
    return html`<div class="lineage">${column(t("files.from"), origins, source)}<i aria-hidden="true" />
        <section class="is-this"><h3>${t("files.this")}</h3><p>${nameOf(file)}<small>${t("files.rows", { n: file.rows })}</small></p></section><i aria-hidden="true" />
        ${column(t("files.made"), file.made ?? [], t(file.stage === "export" ? "files.is_last" : "files.not_yet"))}</div>`;
}

const ColumnList = ({ columns }) =>
    columns &&
    html`<section><h3>${t("files.columns", { n: columns.length })}</h3>
    <table class="table is-dense"><tbody>${columns.map(({ name, type }) => html`<tr key=${name}><th scope="row">${name}</th><td title=${type}><code>${typeName(type)}</code></td></tr>`)}</tbody></table></section>`;
