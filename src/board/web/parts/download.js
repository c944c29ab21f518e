/* Takes what is shown along as a file. */

import { runQuery } from "../api.js";
import { html } from "../html.js";
import { t } from "../i18n/index.js";
import { say } from "../toast.js";
import { Menu } from "./grid.js";
import { Icon } from "./icons.js";

/** Makes the file on the server and then lets the browser save it. */
export function Download({ body }) {
    const save = async (format) => {
        say(t("download.begun"));
        try {
            const { result } = await runQuery({ kind: "download", format, ...body });
            const link = document.createElement("a");
            link.href = result.href;
            link.download = "";
            link.click();
            say(t("download.done", { n: result.rows }));
        } catch (error) {
            say(error.message, "bad");
        }
    };
    return html`<${Menu} label=${t("download.name")} small=${false} items=${["csv", "parquet"].map((format) => ({ name: t(`download.${format}`), act: () => save(format) }))}>
        <${Icon} name="down" /><span>${t("download.name")}</span></${Menu}>`;
}
