/* Filters as chips: all of them must hold. A chip opens the form again; the mark in it takes it away. */

import { isText } from "../format.js";
import { html, useState } from "../html.js";
import { t } from "../i18n/index.js";
import { Field } from "./bits.js";
import { Icon } from "./icons.js";
import { Dialog } from "./sheet.js";

const OPS = [
    "=",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "contains",
    "not_contains",
    "starts",
    "in",
    "between",
    "is_null",
    "not_null",
];
const wantsValue = (op) => op !== "is_null" && op !== "not_null";
const isList = (op) => op === "in" || op === "between";

/** What a filter says: `magnitude ≥ 5`. */
export const tell = ({ column, op, value }) =>
    [column, t(`op.${op}`), wantsValue(op) && (Array.isArray(value) ? value.join(" · ") : value)]
        .filter((part) => part !== false)
        .join(" ");

/** `filters` in and out as the API takes them. */
export function Filters({ filters, columns, onChange }) {
    const [edited, setEdited] = useState(null);
    const put = (filter) => {
        onChange(
            edited.at === filters.length
                ? [...filters, filter]
                : filters.map((old, at) => (at === edited.at ? filter : old)),
        );
        setEdited(null);
    };
    return html`<ul class="chips" aria-label=${t("filter.list")}>${filters.map(
        (filter, at) => html`<li key=${`${at} ${tell(filter)}`} class="chip">
            <button type="button" onClick=${() => setEdited({ at, filter })}>${tell(filter)}</button>
            <button type="button" aria-label=${t("filter.remove", { filter: tell(filter) })} onClick=${() => onChange(filters.filter((_, other) => other !== at))}><${Icon} name="close" /></button></li>`,
    )}
        <li><button type="button" class="button" disabled=${!columns.length} onClick=${() => setEdited({ at: filters.length, filter: {} })}><${Icon} name="filter" />${t("filter.add")}</button></li></ul>
        ${edited && html`<${FilterForm} filter=${edited.filter} columns=${columns} onDone=${put} onClose=${() => setEdited(null)} />`}`;
}

export function FilterForm({ filter, columns, onDone, onClose }) {
    const first = filter.column ?? columns[0].name;
    const [column, setColumn] = useState(first);
    const typeOf = (name) => columns.find((one) => one.name === name)?.type ?? "VARCHAR";
    const [op, setOp] = useState(filter.op ?? (isText(typeOf(first)) ? "contains" : "="));
    const submit = (event) => {
        event.preventDefault();
        const values = new FormData(event.target).getAll("value");
        const value = op === "in" ? values[0].split("\n").filter(Boolean) : isList(op) ? values : values[0];
        onDone(wantsValue(op) ? { column, op, value } : { column, op });
    };
    const old = Array.isArray(filter.value) ? filter.value : [filter.value ?? ""];
    const valueField = () => {
        if (!wantsValue(op)) return null;
        if (op === "in")
            return html`<${Field} label=${t("filter.values")}><textarea name="value" rows="4">${old.join("\n")}</textarea></${Field}>`;
        if (op === "between")
            return html`<${Field} label=${t("filter.from")}><input name="value" required value=${old[0]} /></${Field}><${Field} label=${t("filter.to")}><input name="value" required value=${old[1] ?? ""} /></${Field}>`;
        return html`<${Field} label=${t("filter.value")}><input name="value" required value=${old[0]} autocomplete="off" /></${Field}>`;
    };
    return html`<${Dialog} title=${t("filter.title")} onClose=${onClose}><form onSubmit=${submit}>
        <${Field} label=${t("filter.column")}><select value=${column} onChange=${(event) => setColumn(event.target.value)}>${columns.map(({ name }) => html`<option key=${name} value=${name}>${name}</option>`)}</select></${Field}>
        <${Field} label=${t("filter.op")}><select value=${op} onChange=${(event) => setOp(event.target.value)}>${OPS.map((name) => html`<option key=${name} value=${name}>${t(`op.${name}`)}</option>`)}</select></${Field}>
        ${valueField()}<footer><button type="button" class="button" onClick=${onClose}>${t("action.cancel")}</button><button class="button is-main">${t("filter.apply")}</button></footer></form></${Dialog}>`;
}
