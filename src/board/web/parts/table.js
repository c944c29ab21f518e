/* A table of rows that live: keyed, so that what changes moves nothing else, and cards on a phone. */
import { classes, html } from "../html.js";
import { t } from "../i18n/index.js";
import { Icon } from "./icons.js";

/**
 * `columns`: [{key, head, cell(row), align: "end", wide: true, sortable}]. The first column's cell names the row.
 * `href(row)` makes the row a link that j and k reach. `rowClass(row)` adds to a row's class.
 */
export function Table({ label, columns, rows, rowKey, href, rowClass = () => "", sort, onSort }) {
    const headOf = (column) =>
        column.sortable
            ? html`<button type="button" class="sort" onClick=${() => onSort(column.key)}>${column.head}<${SortMark} sort=${sort} name=${column.key} /></button>`
            : column.head;
    const ariaSort = (column) =>
        sort?.column === column.key ? (sort.descending ? "descending" : "ascending") : undefined;

    return html`<div class="scroll" tabindex="0" role="group" aria-label=${label}>
        <table class="table is-cards"><thead><tr>${columns.map(
            (column) => html`
            <th key=${column.key} scope="col" class=${column.align && `at-${column.align}`} aria-sort=${ariaSort(column)}>${headOf(column)}</th>`,
        )}</tr></thead>
        <tbody>${rows.map(
            (row) =>
                html`<tr key=${rowKey(row)} class=${rowClass(row)}>${columns.map((column, place) => {
                    const name = classes(column.align && `at-${column.align}`, column.wide && "is-wide");
                    if (place > 0)
                        return html`<td key=${column.key} class=${name} data-label=${column.head}>${column.cell(row)}</td>`;
                    return html`<th key=${column.key} scope="row" class=${name}>${href ? html`<a data-row href=${href(row)}>${column.cell(row)}</a>` : column.cell(row)}</th>`;
                })}</tr>`,
        )}</tbody></table></div>`;
}

export const SortMark = ({ sort, name }) =>
    sort?.column === name ? html`<${Icon} name=${sort.descending ? "sortdown" : "up"} />` : null;

/** From which row to which of how many, and the way to the others. `total` null: not known. */
export function Pager({ offset, count, limit, total, onPage }) {
    const isLast = total === null ? count < limit : offset + count >= total;
    const values = { from: count ? offset + 1 : 0, to: offset + count };
    return html`<nav class="pager" aria-label=${t("pager.name")}>
        <span>${total === null ? t("pager.range", values) : t("pager.of", { ...values, total })}</span>
        <button type="button" class="button" disabled=${offset === 0} onClick=${() => onPage(0)}>${t("pager.first")}</button>
        <button type="button" class="button" disabled=${offset === 0} onClick=${() => onPage(Math.max(0, offset - limit))}>${t("pager.previous")}</button>
        <button type="button" class="button" disabled=${isLast} onClick=${() => onPage(offset + limit)}>${t("pager.next")}</button></nav>`;
}
