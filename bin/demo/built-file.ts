// Where the programs are that the demo starts as processes of their own.

import { existsSync } from 'node:fs';
import path from 'node:path';

/**
 * A file of the built program, named from the root of dist/ (`bin/ascent.js`): below the same dist/
 * when this file is built itself, else (in tests, which run the sources) in the checkout's.
 */
export function builtFile(file: string): string {
  const root = path.join(__dirname, '..', '..');
  const candidates = [path.join(root, file), path.join(root, 'dist', file)];
  const found = candidates.find((candidate) => existsSync(candidate));
  if (found !== undefined) return found;
  throw new Error(`dist/${file} is missing: run \`npm run build\` first`);
}
