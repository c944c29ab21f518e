/*
 * What is made of the option tables for editors and readers: the JSON Schema, and
 * docs/pipeline-file.md.
 */
#include "river/pipeline.h"

#include "river/pipeline_options.h"

#include "base/banned.h"

void pipeline_put_schema(struct buf *to)
{
    opt_put_schema(to, pipeline_options, "riacho pipeline file");
}

static const char introduction[] =
    "# The pipeline file\n"
    "\n"
    "Made from the option tables that read the file, by `riacho schema --markdown`.\n"
    "`riacho init` writes a file to start from, `riacho validate` tells every fault with its "
    "place,\n"
    "and `riacho schema` prints the JSON Schema for editors: with it in `riacho.schema.json`, the\n"
    "first line `# yaml-language-server: $schema=riacho.schema.json` turns completion on.\n"
    "\n"
    "- The file is YAML 1.2 (core schema: `yes`, `no`, `on` and `off` are texts), one document of\n"
    "  at most 1 MiB. Unknown keys and keys given twice are faults. Aliases work.\n"
    "- `${NAME}` is replaced by a variable of the environment; `${NAME:-default}` by the default\n"
    "  if it is not set or empty. A missing one is a fault. This works in every value and key, "
    "and\n"
    "  after the file was parsed, so that no value can change the structure. `$${` is a literal\n"
    "  `${`. Within `{ }` and `[ ]` a value with a variable must stand in quotes.\n"
    "- What came of a variable without a default is taken for a secret: no message, log, state or\n"
    "  dashboard shows it. Give every secret so. One that stands in the file earns a warning.\n"
    "- `source` follows dlt's `rest_api` source; (+) marks what is riacho's own. A key of dlt's\n"
    "  that is not supported yet is a fault that says so.\n"
    "- Relative paths start at the file's folder.\n"
    "- A duration is written `500ms`, `30s`, `5m`, `12h` or `7d`; a size `64MiB`, `10MB` or a\n"
    "  number of bytes.\n"
    "- A path into JSON is written `data.items`, `a[0].b`, `['odd key']`; `$` is the whole, and a\n"
    "  trailing `[*]` stands for the items of a list.\n"
    "- In `path`, `params`, `headers` and `json` of an endpoint, braces hold placeholders; a\n"
    "  literal brace is doubled.\n"
    "\n"
    "A file with `name` and `source` alone is complete:\n"
    "\n"
    "```yaml\n"
    "name: brazil\n"
    "source:\n"
    "  client: {base_url: https://servicodados.ibge.gov.br/api/v1}\n"
    "  resources:\n"
    "    - {name: states, endpoint: localidades/estados, primary_key: id}\n"
    "```\n"
    "\n"
    "## The file\n";

void pipeline_put_reference(struct buf *to)
{
    buf_puts(to, introduction);
    opt_put_reference(to, pipeline_options, "");
}
