/* A read-only query on the tables: run, cancel, remember, look at the result as rows or as a chart, take it along. */

import { runQuery } from "../api.js";
import { duration, number } from "../format.js";
import { useGet } from "../hooks.js";
import { html, useRef, useState } from "../html.js";
import { t } from "../i18n/index.js";
import { Empty, Failure, Head, Section, Working } from "../parts/bits.js";
import { ChartOfRows } from "../parts/chart.js";
import { Download } from "../parts/download.js";
import { Grid } from "../parts/grid.js";
import { Icon } from "../parts/icons.js";
import { adjust, route } from "../router.js";
import { recall, remember } from "../store.js";

const LIMIT = 1000;
const MOST_REMEMBERED = 40;
/* As many rows as the page draws; the others are in the download. */
const MOST_SHOWN = 500;

const quoted = (name) => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`);
const sqlName = ({ kind, name }) => quoted(kind === "resource" ? `landing.${name}` : name);

/** The query that an empty page offers. */
const example = (tables) => (tables.length ? `SELECT *\nFROM ${sqlName(tables[0])}\nLIMIT 100` : "");

/** One query at a time: {run, cancel, state}, where state has query, partial, error and what was asked. */
function useSql() {
    const [state, setState] = useState({});
    const aborter = useRef();
    const run = async (sql) => {
        aborter.current?.abort();
        const mine = new AbortController();
        aborter.current = mine;
        setState({ partial: { rows: [] }, sql });
        try {
            const query = await runQuery(
                { kind: "sql", sql, limit: LIMIT },
                { signal: mine.signal, onProgress: (partial) => setState({ partial, sql }) },
            );
            setState({ query, sql });
        } catch (error) {
            setState(error.name === "AbortError" ? { sql, isCancelled: true } : { error, sql });
        }
    };
    return { state, run, cancel: () => aborter.current?.abort() };
}

export default function Sql() {
    const { data } = useGet("/tables", {}, ["files"]);
    const tables = data?.tables ?? [];
    const [text, setText] = useState(route.value.params.sql ?? recall("sql", null));
    const [past, setPast] = useState(() => recall("queries", []));
    const { state, run, cancel } = useSql();
    const box = useRef();
    const shown = text ?? example(tables);

    const start = () => {
        const sql = shown.trim();
        if (!sql) return;
        const next = [sql, ...past.filter((old) => old !== sql)].slice(0, MOST_REMEMBERED);
        setPast(next);
        remember("queries", next);
        remember("sql", sql);
        adjust({ sql });
        run(sql);
    };
    const insert = (name) => {
        const { selectionStart: from, selectionEnd: to } = box.current;
        setText(shown.slice(0, from) + name + shown.slice(to));
        box.current.focus();
    };
    const onKeyDown = (event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
            event.preventDefault();
            start();
        }
    };
    return html`<${Head} title="SQL" note=${t("sql.note")} /><div class="sql"><div class="sql-main">
        <section class="section editor"><textarea ref=${box} data-search aria-label=${t("sql.box")} rows=${Math.min(18, Math.max(6, shown.split("\n").length + 1))} spellcheck="false" autocapitalize="off" autocomplete="off" value=${shown}
                onInput=${(event) => setText(event.target.value)} onKeyDown=${onKeyDown} placeholder="SELECT …" />
            <div class="tools"><button type="button" class="button is-main" onClick=${start} disabled=${!shown.trim()}><${Icon} name="play" />${t("sql.run")}</button><kbd>Ctrl</kbd><kbd>Enter</kbd>
                ${state.partial && html`<button type="button" class="button" onClick=${cancel}>${t("action.cancel")}</button>`}</div></section>
        <${Outcome} state=${state} /></div>
        <aside class="sql-side"><${Section} title=${t("sql.tables")}>${
            tables.length
                ? html`<ul class="plain">${tables.map(
                      (one) => html`<li key=${`${one.kind} ${one.name}`}>
                <button type="button" class="link" onClick=${() => insert(sqlName(one))}>${sqlName(one)}</button><small>${t("files.rows", { n: one.rows })}</small></li>`,
                  )}</ul>`
                : html`<${Empty} icon="data" title=${t("data.empty")} />`
        }</${Section}>
        <${Section} title=${t("sql.history")}>${
            past.length
                ? html`<ul class="plain history">${past.map((sql) => html`<li key=${sql}><button type="button" class="link" title=${sql} onClick=${() => setText(sql)}><code>${sql}</code></button></li>`)}</ul>
            <button type="button" class="button is-small" onClick=${() => {
                setPast([]);
                remember("queries", []);
            }}>${t("sql.forget")}</button>`
                : html`<p class="muted">${t("sql.no_history")}</p>`
        }</${Section}></aside></div>`;
}

function Outcome({ state: { query, partial, error, sql, isCancelled } }) {
    const [tab, setTab] = useState("rows");
    if (error) return html`<${SqlFailure} error=${error} sql=${sql} />`;
    if (isCancelled) return html`<${Empty} icon="sql" title=${t("sql.cancelled")} />`;
    if (partial)
        return html`<${Working} progress=${partial.progress} label=${partial.rows.length ? t("sql.so_far", { n: partial.rows.length }) : t("query.running")} />`;
    if (!query) return html`<${Empty} icon="sql" title=${t("sql.empty")}>${t("sql.empty_hint")}</${Empty}>`;
    const note = t(query.truncated ? "sql.first_rows" : "sql.rows", {
        n: query.rows.length,
        time: duration(query.elapsed_ms),
    });
    const button = (key) =>
        html`<button type="button" class="button" aria-pressed=${tab === key} onClick=${() => setTab(key)}>${t(`data.${key}`)}</button>`;
    return html`<section class="section" aria-label=${t("sql.result")}><header class="result"><span class="note" role="status">${note}</span><div class="tools">${button("rows")}${button("chart")}<${Download} body=${{ sql }} /></div></header>
        ${
            !query.rows.length
                ? html`<${Empty} icon="search" title=${t("data.no_rows")} />`
                : tab === "chart"
                  ? html`<${ChartOfRows} columns=${query.columns} rows=${query.rows} />`
                  : html`<${Grid} label=${t("sql.result")} columns=${query.columns} rows=${query.rows.slice(0, MOST_SHOWN)} />`
        }
        ${tab === "rows" && query.rows.length > MOST_SHOWN && html`<p class="note">${t("sql.more_rows", { n: MOST_SHOWN })} ${number(query.rows.length)}</p>`}</section>`;
}

/* The place of the fault, where the server knows it: in characters, of which some are two to JavaScript. */
function SqlFailure({ error, sql }) {
    if (error.position == null) return html`<${Failure} error=${error} />`;
    const before = [...sql].slice(0, error.position).join("");
    const rest = sql.slice(before.length);
    const word = rest.match(/^[\w.]+|^"[^"]*"|^./u)?.[0] ?? "";
    return html`<${Failure} error=${error} /><pre class="code" tabindex="0">${before}<mark>${word || " "}</mark>${rest.slice(word.length)}</pre>`;
}
