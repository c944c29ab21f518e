/*
 * A map without the internet: the coasts come with the page (Natural Earth, public domain), points as cells that the
 * server counted. Dragging and the wheel, the buttons, and arrows, + and - move it. This part is split off.
 */
import { feature } from "topojson-client";
import land from "world-atlas/land-110m.json";
import { compact, number } from "../format.js";
import { html, useMemo, useRef, useState } from "../html.js";
import { t } from "../i18n/index.js";

const WORLD = { x: -180, y: -90, width: 360, height: 180 };
const DEEPEST = 40;

/* Plain degrees: x is the longitude, y the latitude downwards. */
const partPath = (part) =>
    `M${part.map(([longitude, latitude]) => `${longitude.toFixed(2)} ${(-latitude).toFixed(2)}`).join("L")}Z`;

/*
 * A ring that crosses the 180th meridian is cut there into parts, or it would be drawn across the whole map. One that
 * crosses it once goes around a pole.
 */
function ringParts(ring) {
    const parts = [[]];
    ring.forEach((point, at) => {
        const before = ring[at - 1];
        if (before && Math.abs(point[0] - before[0]) > 180) {
            const side = Math.sign(before[0]) * 180;
            const latitude = (point[1] + before[1]) / 2;
            parts.at(-1).push([side, latitude]);
            parts.push([[-side, latitude]]);
        }
        parts.at(-1).push(point);
    });
    if (parts.length === 1) return parts;
    const last = parts.pop();
    parts[0] = [...last, ...parts[0]];
    if (parts.length > 1) return parts;
    const [first] = parts;
    const pole = Math.sign(first[0][1]) * 90;
    return [[...first, [first.at(-1)[0], pole], [first[0][0], pole]]];
}

const coasts = feature(land, land.objects.land)
    .features.flatMap(({ geometry }) => (geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates))
    .flatMap((polygon) => polygon.flatMap(ringParts))
    .map(partPath)
    .join("");
const lines = [
    ...Array.from({ length: 11 }, (_, at) => `M${at * 30 - 150} -90V90`),
    ...Array.from({ length: 5 }, (_, at) => `M-180 ${at * 30 - 60}H180`),
].join("");

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

function moved(
    { x, y, width, height },
    { right = 0, down = 0, zoom = 1, at = { x: x + width / 2, y: y + height / 2 } },
) {
    const wide = clamp(width / zoom, WORLD.width / DEEPEST, WORLD.width);
    const scale = wide / width;
    const next = {
        x: at.x - (at.x - x) * scale + right * wide,
        y: at.y - (at.y - y) * scale + down * wide * 0.5,
        width: wide,
        height: wide / 2,
    };
    return { ...next, x: clamp(next.x, -180, 180 - next.width), y: clamp(next.y, -90, 90 - next.height) };
}

/* The box around all cells, with some room, in the map's own proportions. */
function around(cells, size) {
    if (!cells.length) return WORLD;
    const [west, east] = [Math.min(...cells.map((one) => one.west)), Math.max(...cells.map((one) => one.west + size))];
    const [south, north] = [
        Math.min(...cells.map((one) => one.south)),
        Math.max(...cells.map((one) => one.south + size)),
    ];
    const width = clamp(Math.max(east - west, (north - south) * 2) * 1.15, WORLD.width / DEEPEST, WORLD.width);
    return moved({ x: (west + east - width) / 2, y: -(north + south) / 2 - width / 4, width, height: width / 2 }, {});
}

/** `cells`: [{west, south, count}] of `size` degrees. */
export default function WorldMap({ cells, size }) {
    const start = useMemo(() => around(cells, size), []);
    const [box, setBox] = useState(start);
    const drag = useRef(null);
    const map = useRef();
    const most = Math.max(1, ...cells.map(({ count }) => count));

    const placeOf = (event) => {
        const frame = map.current.getBoundingClientRect();
        return {
            x: box.x + ((event.clientX - frame.left) / frame.width) * box.width,
            y: box.y + ((event.clientY - frame.top) / frame.height) * box.height,
        };
    };
    const onPointerMove = (event) => {
        if (!drag.current) return;
        const frame = map.current.getBoundingClientRect();
        setBox(
            moved(drag.current.box, {
                right: (drag.current.x - event.clientX) / frame.width,
                down: (drag.current.y - event.clientY) / frame.height,
            }),
        );
    };
    const onPointerDown = (event) => {
        drag.current = { x: event.clientX, y: event.clientY, box };
        map.current.setPointerCapture(event.pointerId);
    };
    const release = () => {
        drag.current = null;
    };
    const onWheel = (event) => {
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        setBox(moved(box, { zoom: event.deltaY < 0 ? 1.25 : 0.8, at: placeOf(event) }));
    };
    const steps = {
        ArrowLeft: { right: -0.2 },
        ArrowRight: { right: 0.2 },
        ArrowUp: { down: -0.2 },
        ArrowDown: { down: 0.2 },
        "+": { zoom: 1.6 },
        "-": { zoom: 0.625 },
    };
    const onKeyDown = (event) => {
        if (!steps[event.key]) return;
        event.preventDefault();
        setBox(moved(box, steps[event.key]));
    };
    const button = (label, text, act) =>
        html`<button type="button" class="button" aria-label=${label} title=${label} onClick=${act}>${text}</button>`;
    const seen = cells.filter(
        ({ west, south }) =>
            west + size >= box.x && west <= box.x + box.width && -south >= box.y && -south - size <= box.y + box.height,
    );
    const greatest = [...seen].sort((a, b) => b.count - a.count).slice(0, 20);
    /* A cell is drawn at least as large as a dot. */
    const dot = Math.max(size, box.width / 220);

    return html`<div class="map"><svg ref=${map} viewBox=${`${box.x} ${box.y} ${box.width} ${box.height}`} tabindex="0" role="application" aria-label=${t("map.label", { n: cells.length })}
            onPointerDown=${onPointerDown} onPointerMove=${onPointerMove} onPointerUp=${release} onPointerCancel=${release} onWheel=${onWheel} onKeyDown=${onKeyDown}>
            <rect class="sea" x="-180" y="-90" width="360" height="180" /><path class="lines" d=${lines} /><path class="land" d=${coasts} />
            ${seen.map(
                ({
                    west,
                    south,
                    count,
                }) => html`<rect key=${`${west} ${south}`} class="cell" x=${west + size / 2 - dot / 2} y=${-south - size / 2 - dot / 2} width=${dot} height=${dot} rx=${dot / 2}
                fill-opacity=${0.35 + 0.65 * (Math.log1p(count) / Math.log1p(most))}><title>${t("map.cell", { south: number(south, 2), west: number(west, 2), n: count })}</title></rect>`,
            )}</svg>
        <div class="map-tools">${button(t("map.in"), "+", () => setBox(moved(box, { zoom: 1.6 })))}${button(t("map.out"), "−", () => setBox(moved(box, { zoom: 0.625 })))}${button(t("map.all"), "◻", () => setBox(start))}</div>
        <details><summary>${t("map.table")}</summary><table class="table"><thead><tr><th scope="col">${t("map.latitude")}</th><th scope="col">${t("map.longitude")}</th><th scope="col" class="at-end">${t("chart.rows")}</th></tr></thead>
            <tbody>${greatest.map(({ west, south, count }) => html`<tr key=${`${west} ${south}`}><td>${number(south + size / 2, 2)}</td><td>${number(west + size / 2, 2)}</td><td class="at-end">${compact(count)}</td></tr>`)}</tbody></table></details></div>`;
}
