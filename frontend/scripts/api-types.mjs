// The API's description on standard input, its models as TypeScript on standard output: `make types` keeps
// src/api/schema.ts up to date, and a test compares the two.
import { text } from "node:stream/consumers";
import { compile } from "json-schema-to-typescript";

const { components } = JSON.parse(await text(process.stdin));
const schemas = components.schemas;
for (const schema of Object.values(schemas)) {
  // A field's title is its name again, and would become a type of its own.
  for (const field of Object.values(schema.properties ?? {})) delete field.title;
}
const root = JSON.parse(
  JSON.stringify({
    title: "Api",
    type: "object",
    additionalProperties: false,
    properties: {},
    $defs: schemas,
  }).replaceAll("#/components/schemas/", "#/$defs/"),
);
const types = await compile(root, "Api", {
  additionalProperties: false,
  unreachableDefinitions: true,
  ignoreMinAndMaxItems: true,
  bannerComment: "/** The models of /openapi.json, made by `make types`. */",
  style: { printWidth: 110 },
});
process.stdout.write(
  types
    .replace("export interface Api {}\n", "")
    // It would tell of each model that the description names it.
    .replaceAll(/( *\*\n)? *\* This interface was referenced by .*\n *\* via the `\w+` .*\n/g, "")
    .replaceAll(/\n *\/\*[\s*]*\*\/(?=\n)/g, ""),
);
