/* How a resource's schema grew: any two of its versions side by side, and what changed between them. */

import { dateTime, time, typeName } from "../format.js";
import { useGet } from "../hooks.js";
import { html, useMemo } from "../html.js";
import { t } from "../i18n/index.js";
import { Empty, Failure, Field, Head, Section, Working } from "../parts/bits.js";
import { adjust, href, route } from "../router.js";

/** Every field of a schema by its path: `geometry.coordinates[]` → kind. */
function leaves(schema, path = "", found = new Map()) {
    for (const field of schema.fields ?? []) {
        const name = path ? `${path}.${field.name}` : field.name;
        put(field, name, found);
    }
    return found;
}

function put(field, name, found) {
    found.set(name, field.kind);
    if (field.kind === "struct") leaves(field, name, found);
    if (field.kind === "list" && field.items) put(field.items, `${name}[]`, found);
}

/** What changed from one schema to the next: [{path, before, after, change}], in the order of the newer. */
export function compare(before, after) {
    const [old, now] = [leaves(before ?? {}), leaves(after)];
    const rows = [...now].map(([path, kind]) => ({
        path,
        before: old.get(path) ?? null,
        after: kind,
        change: !old.has(path) ? "added" : old.get(path) === kind ? "same" : "changed",
    }));
    for (const [path, kind] of old)
        if (!now.has(path)) rows.push({ path, before: kind, after: null, change: "removed" });
    return rows;
}

const isDrift = ({ change }) => change !== "same";

export default function Schemas() {
    const { data, error, reload } = useGet("/schemas", {}, ["schemas", "files"]);
    const { params } = route.value;
    const resources = data?.resources.filter(({ schemas }) => schemas.length) ?? [];
    const resource = resources.find(({ name }) => name === params.resource) ?? resources[0];
    return html`<${Head} title=${t("nav.schemas")} note=${t("schemas.note")}>
            ${
                resources.length > 1 &&
                html`<select aria-label=${t("river.resource")} value=${resource.name} onChange=${(event) => adjust({ resource: event.target.value, from: "", to: "" })}>
                ${resources.map(({ name }) => html`<option key=${name} value=${name}>${name}</option>`)}</select>`
            }</${Head}>
        <${Failure} error=${error} onRetry=${reload} />${!data && !error && html`<${Working} label=${t("files.reading")} />`}
        ${data && !resource && html`<${Empty} icon="schemas" title=${t("schemas.empty")}>${t("schemas.empty_hint")}</${Empty}>`}
        ${resource && html`<${History} key=${resource.name} resource=${resource} params=${params} />`}
        ${data?.tables.length > 0 && html`<${Tables} tables=${data.tables} />`}`;
}

function History({ resource, params }) {
    const schemas = useMemo(() => [...resource.schemas].sort((a, b) => a.seq - b.seq), [resource]);
    const find = (seq) => schemas.find((one) => String(one.seq) === seq);
    const to = find(params.to) ?? schemas.at(-1);
    const from = find(params.from) ?? schemas[schemas.indexOf(to) - 1] ?? null;
    const rows = compare((from ?? to).schema, to.schema);
    const drift = rows.filter(isDrift).length;
    return html`<div class="columns is-schemas"><${Section} title=${t("schemas.history")}><ol class="versions">${[
        ...schemas,
    ]
        .reverse()
        .map((one, place, all) => {
            const changes = compare(all[place + 1]?.schema, one.schema).filter(isDrift);
            return html`<li key=${one.seq}><a data-row href=${href("schemas", { resource: resource.name, to: one.seq })} aria-current=${one === to ? "true" : undefined}>
                <strong>${t("schemas.version", { seq: String(one.seq) })}</strong><code>${one.fingerprint}</code><time dateTime=${one.time} title=${dateTime(one.time)}>${time(one.time)}</time>
                <span class="changes">${place === all.length - 1 ? t("schemas.first", { n: changes.length }) : t("schemas.changes", { n: changes.length })}</span></a></li>`;
        })}</ol></${Section}>
        <${Section} title=${resource.name} note=${from ? t("schemas.changes", { n: drift }) : t("schemas.first", { n: rows.length })}>
            ${
                schemas.length > 1 &&
                html`<div class="tools"><${Versions} label=${t("schemas.from")} schemas=${schemas} value=${from?.seq ?? ""} none=${t("schemas.nothing")} onChoose=${(seq) => adjust({ resource: resource.name, from: seq, to: to.seq })} />
                <${Versions} label=${t("schemas.to")} schemas=${schemas} value=${to.seq} onChoose=${(seq) => adjust({ resource: resource.name, from: from?.seq ?? "", to: seq })} />
                <label class="check"><input type="checkbox" checked=${params.all !== "no"} onChange=${(event) => adjust({ all: event.target.checked ? "" : "no" })} />${t("schemas.show_same")}</label></div>`
            }
            <${Drift} rows=${params.all === "no" ? rows.filter(isDrift) : rows} from=${from} to=${to} /></${Section}></div>`;
}

const Versions = ({
    label,
    schemas,
    value,
    none,
    onChoose,
}) => html`<${Field} label=${label}><select value=${String(value)} onChange=${(event) => onChoose(event.target.value)}>
    ${none && html`<option value="">${none}</option>`}${schemas.map(({ seq }) => html`<option key=${seq} value=${String(seq)}>${t("schemas.version", { seq: String(seq) })}</option>`)}</select></${Field}>`;

const MARKS = { added: "+", removed: "−", changed: "~", same: "" };

function Drift({ rows, from, to }) {
    if (!rows.length) return html`<${Empty} icon="check" title=${t("schemas.no_drift")} />`;
    return html`<div class="scroll" tabindex="0" role="group" aria-label=${t("schemas.side_by_side")}><table class="table drift"><thead><tr><th scope="col">${t("schemas.field")}</th>
        ${from && html`<th scope="col">${t("schemas.version", { seq: String(from.seq) })}</th>`}<th scope="col">${t("schemas.version", { seq: String(to.seq) })}</th>${from && html`<th scope="col">${t("schemas.change")}</th>`}</tr></thead>
        <tbody>${rows.map(
            ({
                path,
                before,
                after,
                change,
            }) => html`<tr key=${path} class=${`is-${change}`}><th scope="row" style=${{ "--depth": path.split(".").length - 1 }}>${path}</th>
            ${from && html`<td><code>${before ?? "–"}</code></td>`}<td><code>${after ?? "–"}</code></td>
            ${from && html`<td>${change !== "same" && html`<span class="mark-of" aria-hidden="true">${MARKS[change]}</span> ${t(`schemas.${change}`)}`}</td>`}</tr>`,
        )}</tbody></table></div>`;
}

function Tables({ tables }) {
    return html`<${Section} title=${t("schemas.tables")} note=${t("schemas.tables_note")}><div class="table-list">${tables.map(
        ({ name, columns }) => html`<details key=${name} open=${tables.length < 4}>
        <summary><strong>${name}</strong> <span class="muted">${t("files.columns", { n: columns.length })}</span></summary>
        <p><a href=${href("data", { table: name })}>${t("files.open")}</a></p>
        <ul>${columns.map((column) => html`<li key=${column.name}><span>${column.name}</span><code>${typeName(column.type)}</code></li>`)}</ul></details>`,
    )}</div></${Section}>`;
}
