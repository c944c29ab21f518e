/* Any table, resource or file: its rows, its columns' profile, a chart, a map. The server sorts, filters and searches all rows. */

import { compact, isNumeric, measure, number, percent, typeName } from "../format.js";
import { useGet, useQuery } from "../hooks.js";
import { html, useEffect, useMemo, useRef, useState } from "../html.js";
import { t } from "../i18n/index.js";
import { on } from "../live.js";
import { Empty, Failure, Figure, Head, Search, Section, Tabs, Working } from "../parts/bits.js";
import { ChartOf } from "../parts/chart.js";
import { Download } from "../parts/download.js";
import { FilterForm, Filters } from "../parts/filters.js";
import { Grid } from "../parts/grid.js";
import { Histogram, TopValues } from "../parts/histogram.js";
import { WorldMap } from "../parts/lazy.js";
import { Sheet } from "../parts/sheet.js";
import { Pager } from "../parts/table.js";
import { adjust, go, href, route } from "../router.js";

const LIMIT = 100;
/* Of the map, in degrees: fine enough to see coasts of points, few enough to draw. */
const CELL = 2;
const TARGETS = ["table", "resource", "file"];
/* A query that is this quick is asked again by itself when new rows came. One slow answer may be the machine's. */
const QUICK_MS = 400;

const parsed = (text, fallback) => {
    try {
        return text ? JSON.parse(text) : fallback;
    } catch {
        return fallback;
    }
};

/** The target in the address as the API takes it, or null. */
function targetOf(params) {
    const kind = TARGETS.find((name) => params[name]);
    return kind ? { [kind]: kind === "file" ? Number(params.file) : params[kind] } : null;
}

export default function Data() {
    const { data: list, error } = useGet("/tables", {}, ["files"]);
    const { params } = route.value;
    const of = targetOf(params);
    const tables = list?.tables ?? [];

    useEffect(() => {
        const first = tables.find(({ kind }) => kind === "table") ?? tables[0];
        if (!of && first) adjust({ [first.kind]: first.name });
    }, [tables.length, !of]);

    if (error) return html`<${Head} title=${t("nav.data")} /><${Failure} error=${error} />`;
    if (list && !tables.length && !of)
        return html`<${Head} title=${t("nav.data")} /><${Empty} icon="data" title=${t("data.empty")}>${t("data.empty_hint")}</${Empty}>`;
    if (!of) return html`<${Head} title=${t("nav.data")} />`;
    return html`<${Explorer} key=${JSON.stringify(of)} of=${of} tables=${tables} params=${params} />`;
}

function Explorer({ of, tables, params }) {
    const filters = useMemo(() => parsed(params.filters, []), [params.filters]);
    const common = { of, search: params.q ?? "", filters };
    const [columns, setColumns] = useState([]);
    const tab = params.tab ?? "rows";
    const names = ["rows", "profile", "chart", ...(placesOf(columns) ? ["map"] : [])];
    const to = (key) => href("data", { ...params, tab: key === "rows" ? "" : key, offset: "" });
    const known = tables.find(({ kind, name }) => of[kind] === name);

    return html`<${Head} title=${t("nav.data")} note=${known && t("data.note", { files: number(known.files), rows: number(known.rows) })}>
            <${Target} of=${of} tables=${tables} /><${Search} label=${t("data.search")} value=${params.q ?? ""} onSearch=${(q) => adjust({ q, offset: "" })} />
            <${Download} body=${{ ...common, sort: sortOf(params.sort), columns: null }} /></${Head}>
        <div class="tabline"><${Tabs} label=${t("data.tabs")} current=${tab} tabs=${names.map((key) => ({ key, name: t(`data.${key}`), to: to(key) }))} />
            <${Filters} filters=${filters} columns=${columns} onChange=${(next) => adjust({ filters: next.length ? JSON.stringify(next) : "", offset: "" })} /></div>
        ${tab === "rows" && html`<${Rows} common=${common} params=${params} filters=${filters} onColumns=${setColumns} />`}
        ${tab !== "rows" && html`<${Columns} of=${of} onColumns=${setColumns} />`}
        ${tab === "profile" && html`<${Profile} common=${common} />`}
        ${tab === "chart" && columns.length > 0 && html`<${ChartOf} common=${common} columns=${columns} params=${params} onChange=${adjust} />`}
        ${tab === "map" && placesOf(columns) && html`<${MapTab} common=${common} places=${placesOf(columns)} />`}`;
}

/** Columns that tell a place: {longitude, latitude}, or null. */
function placesOf(columns) {
    const find = (pattern) => columns.find(({ name, type }) => isNumeric(type) && pattern.test(name))?.name;
    const [longitude, latitude] = [find(/(^|_)(longitude|lon|lng|long)$/i), find(/(^|_)(latitude|lat)$/i)];
    return longitude && latitude ? { longitude, latitude } : null;
}

function Target({ of, tables }) {
    const [[kind, name]] = Object.entries(of);
    const choose = (event) => {
        const [nextKind, ...rest] = event.target.value.split(":");
        go("data", { [nextKind]: rest.join(":") });
    };
    const group = (wanted) => tables.filter((one) => one.kind === wanted);
    const option = (one) => html`<option key=${one.name} value=${`${one.kind}:${one.name}`}>${one.name}</option>`;
    return html`<label><span class="hidden">${t("data.target")}</span><select class="target" value=${`${kind}:${name}`} onChange=${choose}>
        ${group("table").length > 0 && html`<optgroup label=${t("data.tables")}>${group("table").map(option)}</optgroup>`}
        ${group("resource").length > 0 && html`<optgroup label=${t("data.resources")}>${group("resource").map(option)}</optgroup>`}
        ${kind === "file" && html`<optgroup label=${t("data.one_file")}><option value=${`file:${name}`}>${t("data.file", { seq: String(name) })}</option></optgroup>`}</select></label>`;
}

/* ---- rows ---- */

const sortOf = (text) => (text ? [{ column: text.replace(/^-/, ""), descending: text.startsWith("-") }] : []);

function Rows({ common, params, filters, onColumns }) {
    const offset = Number(params.offset ?? 0);
    const hidden = parsed(params.hide, []);
    const answer = useQuery({ kind: "rows", ...common, sort: sortOf(params.sort), offset, limit: LIMIT, count: true });
    const { query: done, running, error, cancel, again } = answer;
    const [asked, setAsked] = useState(null);
    const news = useNews(common.of, done, again);
    /* The page is there before its rows are counted. */
    const query = running?.rows?.length ? running : done;
    const columns = query?.columns ?? [];
    useEffect(() => {
        if (query) onColumns(query.columns);
    }, [columns.map(({ name, type }) => name + type).join()]);

    const [sort] = sortOf(params.sort);
    const sortBy = (name) =>
        adjust({ sort: sort?.column !== name ? name : sort.descending ? "" : `-${name}`, offset: "" });
    const actions = ({ name, type }) => [
        { name: t("grid.ascending"), icon: "up", act: () => adjust({ sort: name, offset: "" }) },
        { name: t("grid.descending"), icon: "sortdown", act: () => adjust({ sort: `-${name}`, offset: "" }) },
        { name: t("grid.filter"), icon: "filter", act: () => setAsked(name) },
        { name: t("grid.profile"), icon: "chart", act: () => setAsked({ profile: name, type }) },
        { name: t("grid.hide"), icon: "columns", act: () => adjust({ hide: JSON.stringify([...hidden, name]) }) },
    ];
    const shown = columns.map(({ name }, at) => (hidden.includes(name) ? -1 : at)).filter((at) => at >= 0);

    return html`<div class="rows">
        ${running && html`<${Working} progress=${running.progress} onCancel=${cancel} />`}<${Failure} error=${error} onRetry=${again} />
        ${hidden.length > 0 && html`<p class="note">${t("grid.hidden", { n: hidden.length })} <button type="button" class="button is-small" onClick=${() => adjust({ hide: "" })}>${t("grid.show_all")}</button></p>`}
        ${query && !query.rows.length && html`<${Empty} icon="search" title=${t("data.no_rows")}>${(filters.length > 0 || common.search) && html`${t("data.no_rows_hint")} <button type="button" class="button" onClick=${() => adjust({ q: "", filters: "", offset: "" })}>${t("data.clear")}</button>`}</${Empty}>`}
        ${
            query?.rows.length > 0 &&
            html`<${Grid} label=${t("data.rows")} columns=${shown.map((at) => columns[at])} rows=${query.rows.map((row) => shown.map((at) => row[at]))}
            offset=${offset} sort=${sort} onSort=${sortBy} actions=${actions} />`
        }
        ${query && html`<${Pager} offset=${offset} count=${query.rows.length} limit=${LIMIT} total=${query.total} onPage=${(next) => adjust({ offset: next || "" })} />`}
        ${news > 0 && html`<button type="button" class="button is-main news" onClick=${again}>${t("data.news", { n: news })}</button>`}
        ${
            typeof asked === "string" &&
            html`<${FilterForm} filter=${{ column: asked }} columns=${columns} onClose=${() => setAsked(null)}
            onDone=${(filter) => {
                setAsked(null);
                adjust({ filters: JSON.stringify([...filters, filter]), offset: "" });
            }} />`
        }
        ${asked?.profile && html`<${OneProfile} common=${common} column=${asked.profile} type=${asked.type} onClose=${() => setAsked(null)} />`}</div>`;
}

/* How many rows came since the query. A quick query is asked again by itself, at most once a second. */
function useNews(of, query, again) {
    const [news, setNews] = useState(0);
    const latest = useRef({});
    const lastTwo = useRef([0, 0]);
    const isSlow = () => Math.min(...lastTwo.current) > QUICK_MS;
    latest.current = { again };
    useEffect(() => {
        setNews(0);
        if (query) lastTwo.current = [lastTwo.current[1], query.elapsed_ms];
    }, [query]);
    useEffect(() => {
        let timer = null;
        const stop = on("files", ({ files }) => {
            const rows = files
                .filter(
                    ({ stage, subject }) =>
                        (stage === "transform" && of.table === subject) ||
                        (stage === "extract" && of.resource === subject),
                )
                .reduce((total, file) => total + file.rows, 0);
            if (!rows) return;
            setNews((old) => old + rows);
            if (isSlow()) return;
            timer ??= setTimeout(() => {
                timer = null;
                latest.current.again();
            }, 400);
        });
        return () => {
            clearTimeout(timer);
            stop();
        };
    }, []);
    return isSlow() ? news : 0;
}

/* ---- profile ---- */

/* Other tabs need the columns too: the first row brings them. */
function Columns({ of, onColumns }) {
    const { query, running, error, cancel, again } = useQuery({
        kind: "rows",
        of,
        search: "",
        filters: [],
        sort: [],
        offset: 0,
        limit: 1,
        count: false,
    });
    useEffect(() => {
        if (query) onColumns(query.columns);
    }, [query]);
    if (error) return html`<${Failure} error=${error} onRetry=${again} />`;
    return running && !query ? html`<${Working} progress=${running.progress} onCancel=${cancel} />` : null;
}

const asObjects = ({ columns, rows }) =>
    rows.map((row) => Object.fromEntries(columns.map(({ name }, at) => [name, row[at]])));

function Profile({ common }) {
    const { query, running, error, cancel, again } = useQuery({ kind: "summary", ...common });
    const [open, setOpen] = useState(null);
    if (error) return html`<${Failure} error=${error} onRetry=${again} />`;
    if (!query) return html`<${Working} progress=${running?.progress} onCancel=${cancel} />`;
    return html`<div class="profiles">${asObjects(query).map((one) => html`<${ProfileCard} key=${one.column_name} summary=${one} common=${common} onOpen=${() => setOpen(one)} />`)}</div>
        ${open && html`<${OneProfile} common=${common} column=${open.column_name} type=${open.column_type} onClose=${() => setOpen(null)} />`}`;
}

function ProfileCard({ summary, common, onOpen }) {
    const { column_name: name, column_type: type } = summary;
    const nulls = Number(summary.null_percentage) / 100;
    const shown = (text) => (text === null ? "–" : measure(String(text).slice(0, 60), type));
    return html`<section class="profile"><header><h2><button type="button" class="link" onClick=${onOpen}>${name}</button></h2><small>${typeName(type)}</small></header>
        <${LazyProfile} common=${common} column=${name} type=${type} />
        <dl><${Figure} name=${t("profile.nulls")} value=${percent(nulls, 1)} tone=${nulls > 0 && "warn"} /><${Figure} name=${t("profile.distinct")} value=${`≈ ${compact(Number(summary.approx_unique))}`} />
        <${Figure} name=${t("profile.min")} value=${shown(summary.min)} /><${Figure} name=${t("profile.max")} value=${shown(summary.max)} />
        ${isNumeric(type) && html`<${Figure} name=${t("profile.median")} value=${shown(summary.q50)} />`}</dl></section>`;
}

/* A column's picture is asked for when it comes into sight: a table may have a thousand columns. */
function LazyProfile({ common, column, type }) {
    const box = useRef();
    const [isSeen, setSeen] = useState(false);
    useEffect(() => {
        const observer = new IntersectionObserver(([{ isIntersecting }]) => isIntersecting && setSeen(true));
        observer.observe(box.current);
        return () => observer.disconnect();
    }, []);
    const { query } = useQuery(isSeen ? { kind: "profile", ...common, column, bins: 32 } : null);
    return html`<div ref=${box} class="picture">${query && html`<${Picture} result=${query.result} type=${type} most=${4} />`}</div>`;
}

function Picture({ result, type, most }) {
    if (result.histogram?.length)
        return html`<${Histogram} bins=${result.histogram} name=${result.name} type=${type} />`;
    return result.top?.length
        ? html`<${TopValues} values=${result.top.slice(0, most)} rows=${result.rows} type=${type} />`
        : null;
}

function OneProfile({ common, column, type, onClose }) {
    const { query, running, error, cancel } = useQuery({ kind: "profile", ...common, column, bins: 48 });
    const result = query?.result;
    const shown = (value) => (value === null || value === undefined ? "–" : measure(String(value).slice(0, 200), type));
    const figures = result && [
        ["rows", number(result.rows)],
        ["nulls", `${number(result.nulls)} (${percent(result.nulls / Math.max(1, result.rows), 1)})`],
        ["distinct", `≈ ${number(result.distinct)}`],
        ...["min", "q25", "q50", "q75", "max", "mean"]
            .filter((key) => result[key] !== null && result[key] !== undefined)
            .map((key) => [key, shown(result[key])]),
    ];
    return html`<${Sheet} title=${column} note=${type} onClose=${onClose}><${Failure} error=${error} />
        ${running && !query && html`<${Working} progress=${running.progress} onCancel=${cancel} />`}
        ${
            result &&
            html`<dl class="facts">${figures.map(([key, value]) => html`<${Figure} key=${key} name=${t(`profile.${key}`)} value=${value} />`)}</dl>
            ${result.histogram?.length > 0 && html`<div class="large"><${Histogram} bins=${result.histogram} name=${column} type=${type} /></div>`}
            ${result.top?.length > 0 && html`<section><h3>${t("profile.top")}</h3><${TopValues} values=${result.top} rows=${result.rows} type=${type} /></section>`}`
        }</${Sheet}>`;
}

/* ---- map ---- */

function MapTab({ common, places }) {
    const { query, running, error, cancel, again } = useQuery({
        kind: "map",
        ...common,
        ...places,
        box: null,
        cells: CELL,
    });
    if (error) return html`<${Failure} error=${error} onRetry=${again} />`;
    return html`<${Section} title=${t("data.map")} note=${query && t("map.note", { n: query.rows.length })}>
        ${running && html`<${Working} progress=${running.progress} onCancel=${cancel} />`}
        ${query ? html`<${WorldMap} cells=${query.rows.map(([west, south, count]) => ({ west: Number(west), south: Number(south), count: Number(count) }))} size=${Number(query.result.cell)} />` : html`<div class="wait is-map" />`}</${Section}>`;
}
