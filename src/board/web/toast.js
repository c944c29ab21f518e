/* Short words about what was done; a screen reader says them too. */
import { html, signal } from "./html.js";

const toasts = signal([]);
let count = 0;

export function say(text, tone = "ok") {
    const toast = { key: ++count, text, tone };
    toasts.value = [...toasts.value.slice(-2), toast];
    setTimeout(() => {
        toasts.value = toasts.value.filter((other) => other !== toast);
    }, 6000);
}

export const Toasts = () =>
    html`<div class="toasts" role="status">${toasts.value.map(
        ({ key, text, tone }) => html`
    <p key=${key} class=${`is-${tone}`}>${text}</p>`,
    )}</div>`;
