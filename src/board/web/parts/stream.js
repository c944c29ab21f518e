/*
 * The stream of the home page: water that widens as it goes, drawn across on a wide screen and down on a phone.
 * It flows while something moves; who asked the system for less motion sees it rest.
 */
import { html } from "../html.js";

const LENGTH = 1000;
const ACROSS = 100;

/** How far the middle of the water is from the edge (0 to 100) at a share of the way. */
export const middleAt = (share) => 50 + 15 * Math.sin(2 * Math.PI * (share * 1.25 + 0.06));
const halfWidthAt = (share) => 7 + 13 * share;

const shares = Array.from({ length: 81 }, (_, place) => place / 80);
const round = (value) => Math.round(value * 10) / 10;

function line(at, isDown, points = shares) {
    return points
        .map((share) => {
            const [along, across] = [round(share * LENGTH), round(at(share))];
            return isDown ? `${across} ${along}` : `${along} ${across}`;
        })
        .join("L");
}

function drawing(isDown) {
    const edge = (side, more) => (share) => middleAt(share) + side * (halfWidthAt(share) + more);
    const area = (more) => `M${line(edge(-1, more), isDown)}L${line(edge(1, more), isDown, [...shares].reverse())}Z`;
    const current = (place) => `M${line((share) => middleAt(share) + place * halfWidthAt(share), isDown)}`;
    return { bank: area(9), water: area(0), currents: [-0.62, -0.2, 0.25, 0.64].map(current) };
}

const across = drawing(false);
const down = drawing(true);

function Water({ shape, box, name }) {
    return html`<svg class=${`water ${name}`} viewBox=${box} preserveAspectRatio="none" aria-hidden="true">
        <defs><linearGradient id=${name} x2=${name === "is-down" ? 0 : 1} y2=${name === "is-down" ? 1 : 0}><stop class="spring" offset="0" /><stop class="mouth" offset="1" /></linearGradient></defs>
        <path class="bank" d=${shape.bank} /><path d=${shape.water} fill=${`url(#${name})`} />
        ${shape.currents.map((path, place) => html`<path key=${place} class=${`current is-${place}`} d=${path} />`)}</svg>`;
}

/** `speed`: still, slow, fast. */
export const Stream = ({ speed }) => html`<div class=${`stream is-${speed}`}>
    <${Water} name="is-across" shape=${across} box=${`0 0 ${LENGTH} ${ACROSS}`} />
    <${Water} name="is-down" shape=${down} box=${`0 0 ${ACROSS} ${LENGTH}`} /></div>`;
