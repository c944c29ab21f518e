/*
 * What is made of the option tables for editors and readers: the JSON Schema, and docs/pipeline-file.md.
 */
#include "cmd/pipeline.h"

#include "cmd/pipeline_options.h"

#include "base/banned.h"

void pipeline_put_schema(struct buf *to)
{
    opt_put_schema(to, pipeline_options, "riacho pipeline file");
}

static const char introduction[] =
    "# The pipeline file\n"
    "\n"
    "This page is made from the option tables that read the file (`riacho schema --markdown`).\n"
    "`riacho init` writes a file to start from, `riacho validate` tells every fault with its "
    "place,\n"
    "and `riacho schema` prints a JSON Schema that editors understand: put\n"
    "`# yaml-language-server: $schema=riacho.schema.json` into the first line.\n"
    "\n"
    "- The file is YAML 1.2 (core schema: `yes`, `no`, `on` and `off` are texts), one document, of "
    "at\n"
    "  most 1 MiB. Unknown keys and keys given twice are faults. Aliases work.\n"
    "- `${NAME}` is replaced by a variable of the environment, `${NAME:-default}` by the default "
    "if it is\n"
    "  not set or empty; a missing one is a fault. It works in every value and key, after the file "
    "was\n"
    "  parsed, so a value cannot change the structure. `$${` is a literal `${`. Within `{ }` and "
    "`[ ]` a\n"
    "  value with a variable must stand in quotes.\n"
    "- What came from the environment is never shown: not in messages, logs, the state or the "
    "dashboard.\n"
    "  Give every secret so; one that stands in the file earns a warning.\n"
    "- `source` follows dlt's `rest_api` source; what is riacho's own there is marked (+). A key "
    "of dlt's\n"
    "  that is not supported yet is a fault that says so.\n"
    "- Relative paths start at the file's folder. A duration is written `500ms`, `30s`, `5m`, "
    "`12h` or\n"
    "  `7d`; a size `64MiB`, `10MB` or a number of bytes.\n"
    "- A path into JSON is written `data.items`, `a[0].b`, `['odd key']`; `$` is the whole, and a "
    "trailing\n"
    "  `[*]` the items of a list.\n"
    "- In `path`, `params`, `headers` and `json` of an endpoint, braces hold placeholders; a "
    "literal brace\n"
    "  is doubled.\n"
    "\n"
    "A file with `name` and `source` alone is complete:\n"
    "\n"
    "```yaml\n"
    "name: countries\n"
    "source:\n"
    "  client: {base_url: https://restcountries.com/v3.1}\n"
    "  resources:\n"
    "    - {name: countries, endpoint: \"all?fields=name,cca2,population\", primary_key: cca2}\n"
    "```\n"
    "\n"
    "## The file\n";

void pipeline_put_reference(struct buf *to)
{
    buf_puts(to, introduction);
    opt_put_reference(to, pipeline_options, "");
}
