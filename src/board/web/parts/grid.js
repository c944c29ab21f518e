/* Rows of a query: cells as the server tells them, in the reader's language, with a menu at each column's head. */

import { cell, isNumeric, isTemporal, typeName } from "../format.js";
import { classes, html, useEffect, useRef, useState } from "../html.js";
import { t } from "../i18n/index.js";
import { Icon } from "./icons.js";
import { SortMark } from "./table.js";

/**
 * `actions(column)` gives what a column's menu offers: [{name, act}]; without it heads are plain.
 * `spark(column)`: something small under the head, such as a histogram.
 */
export function Grid({ label, columns, rows, offset = 0, sort, onSort, actions, spark }) {
    const kinds = columns.map((column) =>
        isNumeric(column.type) ? "at-end" : isTemporal(column.type) ? "is-time" : "",
    );
    return html`<div class="scroll is-grid" tabindex="0" role="group" aria-label=${label}>
        <table class="table" aria-rowcount="-1"><thead><tr><th class="row-number" scope="col"><span class="hidden">${t("grid.row")}</span></th>
            ${columns.map(
                (column, place) => html`<th key=${column.name} scope="col" class=${kinds[place]}
                aria-sort=${sort?.column === column.name ? (sort.descending ? "descending" : "ascending") : undefined}>
                <${ColumnHead} column=${column} sort=${sort} onSort=${onSort} actions=${actions} />${spark?.(column)}</th>`,
            )}</tr></thead>
        <tbody>${rows.map(
            (
                row,
                place,
            ) => html`<tr key=${offset + place} aria-rowindex=${offset + place + 2}><td class="row-number">${offset + place + 1}</td>
            ${row.map((text, at) => html`<${Cell} key=${at} text=${text} type=${columns[at].type} kind=${kinds[at]} />`)}</tr>`,
        )}</tbody></table></div>`;
}

function Cell({ text, type, kind }) {
    if (text === null) return html`<td class=${classes(kind, "is-null")}>null</td>`;
    const shown = cell(text, type);
    return html`<td class=${kind} title=${shown.length > 40 ? shown.slice(0, 1000) : undefined}>${shown}</td>`;
}

function ColumnHead({ column, sort, onSort, actions }) {
    const type = html`<small>${typeName(column.type)}</small>`;
    if (!onSort) return html`<span class="column-head"><span class="name">${column.name}</span>${type}</span>`;
    return html`<span class="column-head"><button type="button" class="sort" onClick=${() => onSort(column.name)}>
        <span class="name">${column.name}</span><${SortMark} sort=${sort} name=${column.name} /></button>${type}
        ${actions && html`<${Menu} label=${t("grid.column_menu", { name: column.name })} items=${actions(column)} />`}</span>`;
}

/** A button with a list under it. Escape and a click elsewhere close it; arrows move in it. */
export function Menu({ label, items, children, small = true }) {
    const [isOpen, setOpen] = useState(false);
    const home = useRef();
    useEffect(() => {
        if (!isOpen) return undefined;
        home.current.querySelector("[role=menu] button")?.focus();
        const closeOutside = (event) => !home.current.contains(event.target) && setOpen(false);
        addEventListener("pointerdown", closeOutside);
        return () => removeEventListener("pointerdown", closeOutside);
    }, [isOpen]);
    const close = () => {
        setOpen(false);
        home.current.querySelector("button").focus();
    };
    const onKeyDown = (event) => {
        const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (event.key === "Escape") close();
        if (event.key === "Tab") setOpen(false);
        if (event.key === "Escape" || step) event.preventDefault();
        if (!step) return;
        const buttons = [...home.current.querySelectorAll("[role=menu] button")];
        buttons[(buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length].focus();
    };
    return html`<span class="menu" ref=${home} onKeyDown=${isOpen ? onKeyDown : undefined}>
        <button type="button" class=${classes("button", small && "is-bare is-small")} aria-haspopup="menu" aria-expanded=${isOpen} aria-label=${children ? undefined : label}
            onClick=${() => setOpen(!isOpen)}>${children ?? html`<${Icon} name="more" />`}</button>
        ${
            isOpen &&
            html`<ul role="menu" aria-label=${label}>${items.map(
                ({ name, act, icon }) => html`<li key=${name} role="none">
            <button type="button" role="menuitem" onClick=${() => {
                close();
                act();
            }}>${icon && html`<${Icon} name=${icon} />`}${name}</button></li>`,
            )}</ul>`
        }</span>`;
}
