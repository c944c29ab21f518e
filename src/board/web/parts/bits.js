/* Small parts that every view uses. */
import { classes, html, useEffect, useRef, useState } from "../html.js";
import { t } from "../i18n/index.js";
import { steps } from "../router.js";
import { Icon } from "./icons.js";

/** A state as a word with a mark; the mark alone would leave out who sees no colours. */
export const Status = ({ state }) =>
    html`<span class=${`status is-${state}`}><i aria-hidden="true" />${t(`status.${state}`)}</span>`;

/** How full something is. `label` tells it to who cannot see the bar. */
export function Meter({ value, most, label, tone = "water" }) {
    const share = most > 0 ? Math.min(1, Math.max(0, value / most)) : 0;
    return html`<span class=${`meter is-${tone}`} role="meter" aria-label=${label} aria-valuemin="0" aria-valuemax="100"
        aria-valuenow=${Math.round(share * 100)}><i style=${{ width: `${share * 100}%` }} /></span>`;
}

/** A figure and what it is. */
export const Figure = ({ name, value, hint, tone }) => html`
    <div class=${classes("figure", tone && `is-${tone}`)} title=${hint}><dt>${name}</dt><dd>${value}</dd></div>`;

/** What stands where nothing is yet: why, and what to do next. */
export const Empty = ({ icon = "river", title, children }) => html`
    <div class="empty"><${Icon} name=${icon} /><strong>${title}</strong>${children && html`<p>${children}</p>`}</div>`;

/** An error for people: what went wrong, and the server's hint. */
export function Failure({ error, onRetry }) {
    if (!error) return null;
    const message = error.code === "unreachable" ? t("error.unreachable") : error.message;
    const hint = error.code === "unreachable" ? t("error.unreachable_hint") : error.hint;
    return html`<div class="failure" role="alert">
        <${Icon} name="dead" /><div><strong>${message}</strong>${hint && html`<p>${hint}</p>`}</div>
        ${onRetry && html`<button type="button" class="button" onClick=${onRetry}>${t("action.try_again")}</button>`}</div>`;
}

/** A query that takes its time: how far it is, and a way to stop it. Shown only after a moment, so that nothing flashes. */
export function Working({ progress, onCancel, label = t("query.running") }) {
    const [isLate, setLate] = useState(false);
    useEffect(() => {
        const timer = setTimeout(() => setLate(true), 250);
        return () => clearTimeout(timer);
    }, []);
    if (!isLate) return null;
    return html`<div class="working" role="status"><span class="ripple" aria-hidden="true"><i /><i /></span><span>${label}</span>
        ${progress != null && html`<${Meter} value=${progress} most=${1} label=${label} />`}
        ${onCancel && html`<button type="button" class="button" onClick=${onCancel}>${t("action.cancel")}</button>`}</div>`;
}

/** Copies a text, and says so. */
export function Copy({ text, label }) {
    const [done, setDone] = useState(false);
    const copy = async () => {
        await navigator.clipboard?.writeText(text).catch(() => {});
        setDone(true);
        setTimeout(() => setDone(false), 1500);
    };
    return html`<button type="button" class="button is-bare is-small" onClick=${copy} aria-label=${label} title=${label}>
        <${Icon} name=${done ? "check" : "copy"} /></button>`;
}

/** Tabs as links: each is an address of its own. */
export const Tabs = ({ label, tabs, current }) => html`<nav class="tabs" aria-label=${label}>
    ${tabs.map(
        ({
            key,
            name,
            to,
            count,
        }) => html`<a key=${key} href=${to} aria-current=${key === current ? "page" : undefined}>${name}
        ${count != null && html`<span class="count">${count}</span>`}</a>`,
    )}</nav>`;

export const Field = ({ label, children }) => html`<label class="field"><span>${label}</span>${children}</label>`;

/** A field to search in; tells its text once typing paused. `/` puts the focus here. */
export function Search({ value, onSearch, label }) {
    const timer = useRef();
    const later = (event) => {
        const text = event.target.value;
        clearTimeout(timer.current);
        timer.current = setTimeout(() => onSearch(text), 250);
    };
    useEffect(() => () => clearTimeout(timer.current), []);
    return html`<label class="search"><${Icon} name="search" />
        <input type="search" data-search value=${value} placeholder=${label} aria-label=${label} onInput=${later} spellcheck="false" autocomplete="off" /></label>`;
}

/**
 * The head of a view: its name, what it says of itself, and what can be done. In a view that was gone to, rather than
 * loaded, it takes the focus if nothing has it, so that the next Tab goes on from here and readers hear the name.
 */
export function Head({ title, note, children }) {
    const head = useRef();
    useEffect(() => {
        if (steps.value > 0 && document.activeElement === document.body) head.current.focus({ preventScroll: true });
    }, []);
    return html`<header class="head"><div><h1 ref=${head} tabindex="-1">${title}</h1>${note && html`<p>${note}</p>`}</div>
        <div class="tools">${children}</div></header>`;
}

/** A part of a view that a reader can jump to. */
export function Section({ title, note, children, class: name }) {
    return html`<section class=${classes("section", name)} aria-label=${title}>
        <header><h2>${title}</h2>${note && html`<span class="note">${note}</span>`}</header>${children}</section>`;
}
