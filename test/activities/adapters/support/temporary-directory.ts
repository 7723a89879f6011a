// A directory for one test file; removed when the file's tests are done.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export function temporaryDirectory(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'ascent-test-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
