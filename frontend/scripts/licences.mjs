// Lists the licences of what the page carries, and refuses one that is not let in. Run with: npm run licences

import { execFileSync } from "node:child_process";

// Each permits use, change and distribution without a condition on the page's own code. A new one is read first.
const ALLOWED = ["MIT", "ISC", "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "OFL-1.1"];

const found = JSON.parse(execFileSync("npm", ["query", ".prod"], { encoding: "utf8" }));
const packages = found.filter(({ name }) => name && name !== "sightline-frontend");
for (const { name, version, license } of packages) process.stdout.write(`${name} ${version} ${license}\n`);
const refused = packages.filter(({ license }) => !ALLOWED.includes(license));
if (packages.length === 0 || refused.length > 0) {
  process.stderr.write(
    `licences that are not let in: ${refused.map(({ name }) => name).join(", ") || "(nothing was found)"}\n`,
  );
  process.exit(1);
}
