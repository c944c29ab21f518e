/*
 * Shortcuts of one key, for the whole page. They rest while a text is typed or a dialog is open, and can be
 * switched off, as speech input would trigger them (WCAG 2.1.4).
 */
import { signal, useEffect } from "./html.js";
import { recall, remember } from "./store.js";

export const areOn = signal(recall("shortcuts", true));

export function switchShortcuts() {
    areOn.value = !areOn.value;
    remember("shortcuts", areOn.value);
}

const bound = new Map();

const isTyping = (target) => target.closest("input, textarea, select, [contenteditable]");

addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (!areOn.value || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const act = bound.get(event.key);
    if (!act) return;
    event.preventDefault();
    act();
});

/** Binds keys for as long as a component is there: useKeys({"/": focusSearch}). */
export function useKeys(keys, inputs = []) {
    useEffect(() => {
        for (const [key, act] of Object.entries(keys)) bound.set(key, act);
        return () => {
            for (const [key, act] of Object.entries(keys)) if (bound.get(key) === act) bound.delete(key);
        };
    }, inputs);
}

/** j and k: the focus goes to the next or the previous row's link of the view. */
export function moveRow(step) {
    const rows = [...document.querySelectorAll("[data-row]")];
    const at = rows.indexOf(document.activeElement);
    rows[Math.min(rows.length - 1, Math.max(0, at + step))]?.focus();
}
