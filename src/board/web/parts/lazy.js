/* Parts that are fetched when they are first wanted. A box of their size stands there until they come. */
import { html, useEffect, useState } from "../html.js";

const lazily = (load, size) => {
    let Part = null;
    return function Lazy(props) {
        const [, setReady] = useState(Part !== null);
        useEffect(() => {
            if (!Part)
                load().then((module) => {
                    Part = module.default;
                    setReady(true);
                });
        }, []);
        return Part
            ? html`<${Part} ...${props} />`
            : html`<div class="wait" style=${{ minHeight: `${size(props)}px` }} />`;
    };
};

export const Plot = lazily(
    () => import("./plot.js"),
    ({ height = 180 }) => height + 26,
);
export const WorldMap = lazily(
    () => import("./map.js"),
    () => 420,
);
