// The version of this package: what records say that they were made by.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Of the package.json beside dist/, or beside the sources where nothing was built. */
export function readAscentVersion(): string {
  const folders = [path.join(__dirname, '..', '..'), path.join(__dirname, '..')];
  const files = folders.map((folder) => path.join(folder, 'package.json'));
  for (const file of files.filter((one) => existsSync(one))) {
    const { name, version } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    if (name === 'ascent' && typeof version === 'string') return version;
  }
  throw new Error(`${files.join(' and ')}: neither is the package.json of ascent`);
}
