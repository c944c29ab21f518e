/*
 * The address is the state: `#/data?table=quakes&sort=-magnitude`. Each view reads its parameters from `route`
 * and changes them by `go()`, so that any state can be linked to, and Back works.
 */
import { signal } from "./html.js";

function parse() {
    const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
    return { view: path || "river", params: Object.fromEntries(new URLSearchParams(query)) };
}

export const route = signal(parse());
/** How often the reader went to another view since the page was loaded. */
export const steps = signal(0);

addEventListener("hashchange", () => {
    const next = parse();
    if (next.view !== route.peek().view) steps.value++;
    route.value = next;
});

/** The address of a view; parameters that are empty are left out. */
export function href(view, params = {}) {
    const given = Object.entries(params).filter(([, value]) => value !== undefined && value !== null && value !== "");
    return `#/${view}${given.length ? `?${new URLSearchParams(given)}` : ""}`;
}

export function go(view, params) {
    location.hash = href(view, params);
}

/** Changes parameters of the view that is open; without a new step in the history. */
export function adjust(changes) {
    const { view, params } = route.peek();
    history.replaceState(null, "", href(view, { ...params, ...changes }));
    route.value = parse();
}
