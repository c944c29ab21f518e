/* The page's icons: 16 × 16, drawn with the text's colour. They decorate; the words beside them tell. */
import { html } from "../html.js";

const PATHS = {
    river: "M1.5 5c2-1.8 4-1.8 6.5 0s4.5 1.8 6.5 0M1.5 9c2-1.8 4-1.8 6.5 0s4.5 1.8 6.5 0M1.5 13c2-1.8 4-1.8 6.5 0s4.5 1.8 6.5 0",
    files: "M4 1.5h5l3.5 3.5v9.5h-8.5zM9 1.5v3.5h3.5M6.5 8.5h4M6.5 11h4",
    data: "M2 3h12v10.5h-12zM2 6.5h12M2 10h12M6.5 3v10.5",
    sql: "M2 3.5l4 4-4 4M8 12.5h6",
    schemas: "M2 2.5h5v4h-5zM9 9.5h5v4h-5zM4.5 6.5v5h4.5",
    dead: "M8 1.8l6.5 12h-13zM8 6.5v3.5M8 12v.1",
    runs: "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 1 0 0-13M8 4.5v3.7l2.5 1.5",
    pause: "M5 3v10M11 3v10",
    play: "M4.5 2.5v11l8.5-5.5z",
    sun: "M8 5a3 3 0 1 0 0 6 3 3 0 1 0 0-6M8 1v1.5M8 13.5v1.5M1 8h1.5M13.5 8h1.5M3 3l1 1M12 12l1 1M3 13l1-1M12 4l1-1",
    moon: "M13.5 9.7a6 6 0 1 1-7.2-7.2 5 5 0 0 0 7.2 7.2z",
    system: "M2 3h12v8h-12zM6 14h4M8 11v3",
    globe: "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 1 0 0-13M1.5 8h13M8 1.5c-4 4-4 9 0 13M8 1.5c4 4 4 9 0 13",
    help: "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 1 0 0-13M6 6.2c.2-2.6 4.2-2.5 4 .1-.1 1.5-2 1.5-2 3.1M8 11.6v.1",
    search: "M7 2a5 5 0 1 0 0 10 5 5 0 1 0 0-10M10.7 10.7l3.8 3.8",
    close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
    down: "M8 2v8.5M4.5 7.5l3.5 3.5 3.5-3.5M2.5 14h11",
    up: "M8 13.5v-10M4.5 7l3.5-3.5 3.5 3.5",
    sortdown: "M8 2.5v10M4.5 9l3.5 3.5 3.5-3.5",
    filter: "M2 3h12l-4.5 5.5v5l-3-1.5v-3.5z",
    columns: "M2 2.5h12v11h-12zM6 2.5v11M10 2.5v11",
    chart: "M2 2v12h12M4.5 11l3-4 2.5 2 3.5-5",
    copy: "M5.5 5.5h8v8h-8zM3.5 10.5h-1v-8h8v1",
    check: "M2.5 8.5l3.5 3.5 7.5-8",
    retry: "M13 3v3.5h-3.5M13 6.5a5.5 5.5 0 1 0 .5 3.5",
    trash: "M2.5 4h11M6 4v-2h4v2M4 4l.7 10h6.6l.7-10M6.7 6.5v5M9.3 6.5v5",
    arrow: "M2.5 8h10.5M9 4l4 4-4 4",
    more: "M3 8v.1M8 8v.1M13 8v.1",
    lock: "M3.5 7h9v7h-9zM5.5 7v-2.2a2.5 2.5 0 0 1 5 0v2.2",
};

export const Icon = ({ name }) =>
    html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;
