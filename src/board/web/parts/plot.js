/*
 * Lines over time or over numbers, on a canvas by uPlot. Who cannot see it moves through it by the arrow keys and hears
 * the values. This part is split off: it comes after the first paint, into a box that is there already.
 */
import uPlot from "uplot";
import { compact } from "../format.js";
import { html, useEffect, useRef, useState } from "../html.js";
import { locale, t } from "../i18n/index.js";
import { colour, paint } from "../theme.js";

const DAY = 86400;
const COLOURS = ["--series-1", "--series-2", "--series-3", "--series-4"];

const timeLabels = (splits) => {
    const span = splits.at(-1) - splits[0];
    const clock = new Intl.DateTimeFormat(locale.value, { timeStyle: span < 120 ? "medium" : "short" });
    const day = new Intl.DateTimeFormat(locale.value, {
        month: "short",
        day: "numeric",
        year: span > 300 * DAY ? "numeric" : undefined,
    });
    const texts = splits.map((second) => (span < 2 * DAY ? clock : day).format(new Date(second * 1000)));
    /* Within a day that was named already, the hour. */
    return texts.map((text, at) => (text === texts[at - 1] ? clock.format(new Date(splits[at] * 1000)) : text));
};

/* Steps of an axis of bytes: 1, 2, 5, 10, … of each unit. */
const BINARY = [1, 1024, 1024 ** 2, 1024 ** 3].flatMap((unit) =>
    [1, 2, 4, 5, 10, 20, 40, 50, 100, 200, 250, 500].map((step) => step * unit),
);

function optionsOf({ series, isTime, format, isBytes, kind, width, height, onCursor }) {
    const [ink, line] = [colour("--muted"), colour("--line")];
    const axis = {
        stroke: ink,
        font: `11px ${getComputedStyle(document.body).fontFamily}`,
        grid: { stroke: line, width: 1 },
        ticks: { show: false },
    };
    return {
        width,
        height,
        padding: [8, 8, 0, 0],
        legend: { show: false },
        cursor: { y: false, drag: { x: true, y: false }, points: { size: 6 } },
        hooks: { setCursor: [(plot) => onCursor(plot.cursor.idx)] },
        scales: {
            x: { time: isTime },
            y: {
                range: (_, low, high) => [
                    Math.min(0, low ?? 0),
                    high > 0 || low < 0 ? high + Math.abs(high) * 0.08 : 1,
                ],
            },
        },
        axes: [
            {
                ...axis,
                size: 28,
                space: isTime ? 96 : 60,
                values: isTime
                    ? (_, splits) => timeLabels(splits)
                    : (_, splits) => splits.map((value) => compact(value)),
            },
            {
                ...axis,
                size: 72,
                incrs: isBytes ? BINARY : undefined,
                values: (_, splits) => splits.map((value) => format(value)),
            },
        ],
        series: [
            {},
            ...series.map(({ name }, place) => {
                const stroke = colour(COLOURS[place]);
                return {
                    label: name,
                    stroke,
                    width: 1.75,
                    fill: kind === "area" && place === 0 ? colour("--series-1-soft") : undefined,
                    paths:
                        kind === "bars"
                            ? uPlot.paths.bars({ size: [0.9, 60] })
                            : kind === "dots"
                              ? () => null
                              : undefined,
                    points: { show: kind === "dots", size: 4, fill: stroke },
                };
            }),
        ],
    };
}

/**
 * `x`: seconds (isTime) or numbers, ascending. `series`: [{name, values}], at most four. `kind`: area, line, bars, dots.
 * `format` writes a value of the y axis. The box keeps its height, whatever is in it.
 */
export default function Plot({
    label,
    x,
    series,
    isTime = true,
    format = compact,
    isBytes = false,
    kind = "line",
    height = 180,
}) {
    const box = useRef();
    const plot = useRef();
    const [at, setAt] = useState(null);
    const shape = JSON.stringify([series.map(({ name }) => name), isTime, kind, height, paint.value, locale.value]);

    useEffect(() => {
        const width = box.current.clientWidth;
        plot.current = new uPlot(
            optionsOf({ series, isTime, format, isBytes, kind, width, height, onCursor: setAt }),
            [x, ...series.map(({ values }) => values)],
            box.current,
        );
        const observer = new ResizeObserver(() => {
            if (box.current?.clientWidth) plot.current.setSize({ width: box.current.clientWidth, height });
        });
        observer.observe(box.current);
        return () => {
            observer.disconnect();
            plot.current.destroy();
        };
    }, [shape]);
    useEffect(
        () => plot.current.setData([x, ...series.map(({ values }) => values)]),
        [x, ...series.map(({ values }) => values)],
    );

    const onKeyDown = (event) => {
        const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
        if (!step) return;
        event.preventDefault();
        const index = Math.min(x.length - 1, Math.max(0, (at ?? x.length - 1) + step));
        plot.current.setCursor({ left: plot.current.valToPos(x[index], "x"), top: 20 });
        setAt(index);
    };
    const place = at ?? x.length - 1;
    const where = x.length ? (isTime ? timeLabels([x[place] - 60, x[place]])[1] : compact(x[place])) : "";
    return html`<div class="plot" tabindex="0" role="group" aria-label=${`${label}. ${t("chart.keys")}`} onKeyDown=${onKeyDown}>
        <div ref=${box} class="canvas" style=${{ height: `${height}px` }} aria-hidden="true" />
        <p aria-live=${at === null ? "off" : "polite"}><span class="where">${where}</span>${series.map(
            ({ name, values }, index) => html`
            <span key=${name} class=${`key is-${index + 1}`}>${name} <b>${values[place] == null ? "–" : format(values[place])}</b></span>`,
        )}</p></div>`;
}
