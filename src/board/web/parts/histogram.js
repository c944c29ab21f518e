/* How a column's values are spread: bars for numbers and times, the most frequent values for the rest. */

import { cell, compact, isNumeric, isTemporal, number, percent } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n/index.js";

/* A bin's edge: of a time it is told in seconds since 1970. */
function shortly(value, type) {
    if (typeof value !== "number") return String(value).slice(0, 19);
    return isTemporal(type) ? new Date(value * 1000).toISOString().slice(0, 16).replace("T", " ") : compact(value);
}

export function Histogram({ bins, name, type }) {
    const most = Math.max(1, ...bins.map(({ count }) => count));
    const width = 100 / bins.length;
    return html`<figure class="histogram"><svg viewBox="0 0 100 40" preserveAspectRatio="none" role="img" aria-label=${t("profile.histogram", { name })}>${bins.map(
        ({ from, to, count }, place) => {
            const height = count ? Math.max(1, (count / most) * 40) : 0;
            return html`<rect key=${place} x=${place * width} y=${40 - height} width=${width * 0.9} height=${height}><title>${`${shortly(from, type)} – ${shortly(to, type)}: ${number(count)}`}</title></rect>`;
        },
    )}</svg><figcaption><span>${shortly(bins[0].from, type)}</span><span>${shortly(bins.at(-1).to, type)}</span></figcaption></figure>`;
}

export function TopValues({ values, rows, type }) {
    const most = Math.max(1, ...values.map(({ count }) => count));
    return html`<ol class="top">${values.map(
        (
            { value, count },
            place,
        ) => html`<li key=${place}><span class="bar-behind" style=${{ width: `${(count / most) * 100}%` }} />
        <span class=${value === null ? "is-null" : ""} title=${value ?? ""}>${value === null ? "null" : isNumeric(type) ? cell(String(value), type) : String(value) || t("profile.empty_text")}</span><span>${percent(count / rows, 1)}</span></li>`,
    )}</ol>`;
}
