import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { calledAs } from '../../bin/called-as';

let root: string;
let launcher: string;

beforeAll(() => {
  root = mkdtempSync(path.join(tmpdir(), 'ascent-called-'));
  mkdirSync(path.join(root, 'bin'));
  launcher = path.join(root, 'bin', 'ascent.mjs');
  writeFileSync(launcher, '');
});

afterAll(() => {
  rmSync(root, { recursive: true });
});

it('is the name on the PATH where it is installed', () => {
  expect(calledAs(root, root, 'ascent')).toBe('ascent');
});

it('is the launcher of the checkout, from where people stand', () => {
  expect(calledAs(root, root, 'ascent.mjs')).toBe('bin/ascent.mjs');
  expect(calledAs(root, path.join(root, 'bin'), 'ascent.mjs')).toBe('./ascent.mjs');
  expect(calledAs(root, path.join(root, 'docs'), 'ascent.mjs')).toBe(launcher);
});

it('is the launcher, too, when nothing was said: npm scripts start the program themselves', () => {
  expect(calledAs(root, root, undefined)).toBe('bin/ascent.mjs');
});

it('is the usual name where there is no launcher', () => {
  expect(calledAs(path.join(root, 'bin'), root, undefined)).toBe('ascent');
});
