/* A chart of any columns. Of a table the server makes the bins, over all rows; of a query's result the page draws the rows. */

import { compact, isNumeric, isTemporal, moment, number } from "../format.js";
import { useQuery } from "../hooks.js";
import { html, useState } from "../html.js";
import { t } from "../i18n/index.js";
import { Empty, Failure, Field, Section, Working } from "./bits.js";
import { Plot } from "./lazy.js";

const MOST_LINES = 4;
const BINS = 400;

const numbers = (columns) => columns.filter(({ type }) => isNumeric(type)).map(({ name }) => name);
const xOf = (text, type) => (isTemporal(type) ? moment(text) / 1000 : Number(text));

/** The columns to begin with: a time along and a number up, or how the first number is spread. */
function firstChoice(columns) {
    const x = (
        columns.find(({ type }) => isTemporal(type)) ??
        columns.find(({ type }) => isNumeric(type)) ??
        columns[0]
    ).name;
    const isTime = columns.some(({ name, type }) => name === x && isTemporal(type));
    return {
        x,
        y: isTime
            ? numbers(columns)
                  .filter((name) => !name.startsWith("_") && !/(^|_)id$/.test(name))
                  .slice(0, 1)
            : [],
    };
}

function Choice({ columns, x, y, onChange }) {
    const toggle = (name) =>
        onChange({ x, y: y.includes(name) ? y.filter((other) => other !== name) : [...y, name].slice(-MOST_LINES) });
    return html`<div class="choice"><${Field} label=${t("chart.x")}><select value=${x} onChange=${(event) => onChange({ x: event.target.value, y })}>
            ${columns.map(({ name }) => html`<option key=${name} value=${name}>${name}</option>`)}</select></${Field}>
        <fieldset><legend>${t("chart.y")}</legend>${numbers(columns)
            .filter((name) => name !== x)
            .map(
                (name) => html`<label key=${name} class="check">
            <input type="checkbox" checked=${y.includes(name)} onChange=${() => toggle(name)} />${name}</label>`,
            )}</fieldset></div>`;
}

/** Of a table, resource or file: `common` is {of, search, filters}; the choice is kept in the address. */
export function ChartOf({ common, columns, params, onChange }) {
    const first = firstChoice(columns);
    const x = columns.some(({ name }) => name === params.x) ? params.x : first.x;
    const y =
        params.y === undefined
            ? first.y
            : params.y === "-"
              ? []
              : JSON.parse(params.y).filter((name) => columns.some((column) => column.name === name));
    const { query, running, error, cancel, again } = useQuery({ kind: "chart", ...common, x, y, bins: BINS });
    const type = columns.find(({ name }) => name === x).type;
    return html`<${Section} title=${t("data.chart")} note=${t("chart.note")}>
        <${Choice} columns=${columns} x=${x} y=${y} onChange=${(next) => onChange({ x: next.x, y: next.y.length ? JSON.stringify(next.y) : "-" })} />
        ${running && html`<${Working} progress=${running.progress} onCancel=${cancel} />`}<${Failure} error=${error} onRetry=${again} />
        ${query && (query.rows.length ? html`<${Binned} query=${query} x=${x} y=${y} type=${type} />` : html`<${Empty} icon="chart" title=${t("data.no_rows")} />`)}</${Section}>`;
}

/* Rows are [x, count, y1_min, y1_avg, y1_max, …]: the count, and each y's mean. */
function Binned({ query, x, y, type }) {
    const { rows } = query;
    if (!isNumeric(type) && !isTemporal(type)) return html`<${Frequent} rows=${rows} y=${y} />`;
    const known = rows.filter(([at]) => at !== null);
    const at = (place) => known.map((row) => (row[place] === null ? null : Number(row[place])));
    const along = known.map(([text]) => xOf(text, type));
    const means = y.map((name, place) => ({ name: t("chart.mean", { name }), values: at(3 + place * 3) }));
    return html`${means.length > 0 && html`<${Plot} label=${t("chart.means", { x })} x=${along} series=${means} isTime=${isTemporal(type)} height=${260} />`}
        <h3>${t("chart.count")}</h3><${Plot} label=${t("chart.count_by", { x })} x=${along} series=${[{ name: t("chart.rows"), values: at(1) }]} isTime=${isTemporal(type)} kind="bars" height=${means.length ? 130 : 260} />`;
}

/* The most frequent texts, as bars that are a list. */
function Frequent({ rows, y }) {
    const most = Math.max(1, ...rows.map((row) => Number(row[1])));
    return html`<ol class="top is-large">${rows.map(
        (
            row,
            place,
        ) => html`<li key=${place}><span class="bar-behind" style=${{ width: `${(Number(row[1]) / most) * 100}%` }} />
        <span class=${row[0] === null ? "is-null" : ""}>${row[0] ?? "null"}</span><span>${number(Number(row[1]))}${y.map((name, at) => ` · ${name} ${compact(Number(row[3 + at * 3]))}`)}</span></li>`,
    )}</ol>`;
}

/** Of a result's rows, as many as were fetched. */
export function ChartOfRows({ columns, rows }) {
    const [choice, setChoice] = useState(() => firstChoice(columns));
    const { x, y } = choice;
    const [at, type] = [
        columns.findIndex(({ name }) => name === x),
        columns.find(({ name }) => name === x)?.type ?? "VARCHAR",
    ];
    const isLine = isNumeric(type) || isTemporal(type);
    const sorted = isLine
        ? rows
              .filter((row) => row[at] !== null)
              .map((row) => [xOf(row[at], type), row])
              .sort(([a], [b]) => a - b)
        : [];
    const series = y.map((name) => {
        const place = columns.findIndex((column) => column.name === name);
        return { name, values: sorted.map(([, row]) => (row[place] === null ? null : Number(row[place]))) };
    });
    const bars = () => {
        const place = columns.findIndex(({ name }) => name === y[0]);
        return rows.slice(0, 50).map((row) => [row[at], place < 0 ? 1 : Number(row[place])]);
    };
    return html`<${Choice} columns=${columns} x=${x} y=${y} onChange=${setChoice} />
        ${isLine && y.length > 0 && html`<${Plot} label=${t("chart.lines", { x })} x=${sorted.map(([value]) => value)} series=${series} isTime=${isTemporal(type)} height=${300} />`}
        ${!isLine && html`<${Frequent} rows=${bars()} y=${[]} />`}
        ${isLine && !y.length && html`<${Empty} icon="chart" title=${t("chart.choose")} />`}`;
}
