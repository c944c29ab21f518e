/* Light, dark, or as the system says; kept in this browser. */
import { effect, signal } from "./html.js";
import { recall, remember } from "./store.js";

export const THEMES = ["system", "light", "dark"];
export const theme = signal(recall("theme", "system"));
/** Counts changes of what is really shown; charts redraw on it, as a canvas knows no style sheet. */
export const paint = signal(0);

effect(() => {
    if (theme.value === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme.value;
    remember("theme", theme.value);
    paint.value = paint.peek() + 1;
});

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    paint.value++;
});

export function nextTheme() {
    theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length];
}

/** The colour that a custom property has now, for a canvas. */
export function colour(name) {
    const probe = document.createElement("i");
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const value = getComputedStyle(probe).color;
    probe.remove();
    return value;
}
