// The API's description on standard input, its paths and models as TypeScript on standard output: `make types` keeps
// src/api/schema.ts up to date, and a test compares the two.
import { text } from "node:stream/consumers";
import openapiTS, { astToString } from "openapi-typescript";
import ts from "typescript";

const FILE = ts.factory.createTypeReferenceNode(ts.factory.createIdentifier("File"));

const description = JSON.parse(await text(process.stdin));
for (const operations of Object.values(description.paths)) {
  for (const { responses } of Object.values(operations)) {
    // Every error is the one problem document, which the client throws; fifteen times a route they are two thousand lines.
    for (const status of Object.keys(responses ?? {})) if (status >= "400") delete responses[status];
  }
}
const ast = await openapiTS(description, {
  rootTypes: true,
  rootTypesNoSchemaPrefix: true,
  // A field with a default may be left out of a request.
  defaultNonNullable: false,
  transform: (schema) => (schema.format === "binary" || schema.contentMediaType ? FILE : undefined),
});
process.stdout.write(
  `/** The paths and models of /openapi.json, made by \`make types\`. */\n\n${astToString(ast)}`,
);
