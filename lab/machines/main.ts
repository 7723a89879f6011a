// Says whether a lab of machines can run on this host: `node dist/lab/machines/main.js`. Exit
// codes: 0 it can, 1 it cannot, and what is missing stands on stdout. What `toolchain/main.js
// --machines` installs on this host is not missing.

import { lackingOf, thisHost } from './host-needs';
import { canInstall } from './host-packages';

async function main(): Promise<number> {
  const missing = lackingOf(await thisHost(), canInstall() ? [] : undefined);
  if (missing.length > 0) console.log(missing.join('; '));
  return missing.length === 0 ? 0 : 1;
}

void main().then((code) => {
  process.exitCode = code;
});
