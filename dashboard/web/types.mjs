// Makes src/openapi/*.d.ts from the services' OpenAPI documents: node types.mjs QUEUE_URL CLOCK_URL OPTIMIZER_URL [FOLDER]
import { mkdir, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const [queue, clock, optimizer, out = "src/openapi"] = process.argv.slice(2);
await mkdir(out, { recursive: true });
for (const [service, url] of Object.entries({ queue, clock, optimizer })) {
  const tree = await openapiTS(new URL("/openapi.json", url), { defaultNonNullable: false });
  await writeFile(`${out}/${service}.d.ts`, `// Made from the service's OpenAPI document; see types.mjs.\n${astToString(tree)}`);
}
