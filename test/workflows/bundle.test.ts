// What goes into the sandbox, and what must stay out of it.

import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { patches } from '../../workflows/patches';

const root = resolve(__dirname, '../..');
const folder = join(root, 'workflows');
const sources = readdirSync(folder).filter((file) => file.endsWith('.ts'));
const read = (file: string): string => readFileSync(join(folder, file), 'utf8');

/** Modules that a source really loads: `import type` is gone when it runs. */
function loadedBy(file: string): readonly string[] {
  const imports = read(file).matchAll(/^(?:import|export) (?!type)[^;]*? from '([^']+)';/gms);
  return [...imports].map((match) => match[1] ?? '');
}

// The bundler takes seconds on a quiet machine; this only ends a run that hangs.
jest.setTimeout(300_000);

it('bundles without zod, what is known of minors and Node modules, within 1.35 MB', async () => {
  const logger = new DefaultLogger('ERROR');
  const { code } = await bundleWorkflowCode({ workflowsPath: join(folder, 'index.ts'), logger });
  const modules = [...code.matchAll(/^\s*\/\*\*\*\/ "([^"]+)"/gm)].map((match) => match[1] ?? '');
  expect(modules.length).toBeGreaterThan(50);
  // Digests of findings are computed where they are compared.
  const wanted = '@temporalio|@noble/hashes/|ms/|long/|protobufjs/|nexus-rpc/';
  const unwanted = new RegExp(`/node_modules/(?!${wanted})|^node:|/shipped(-addons)?\\.json`);
  expect(modules.filter((name) => unwanted.test(name))).toEqual([]);
  const ours = modules.filter((name) => /^\.\/(?!node_modules)/.test(name));
  expect(ours.filter((name) => !/^\.\/(workflows|domain)\//.test(name))).toEqual([]);
  // The source map behind it, twice its size, is no code of the sandbox.
  const [program = ''] = code.split('\n//# sourceMappingURL=');
  process.stdout.write(`workflow bundle: ${(program.length / 1e6).toFixed(2)} MB\n`);
  expect(program.length).toBeLessThan(1_350_000);
});

it('lets clients import the messages without any workflow code', () => {
  expect(loadedBy('messages.ts')).toEqual([
    '@temporalio/common',
    '@temporalio/workflow',
    '../domain/search-attributes',
  ]);
});

it('uses no locale: its tables differ between machines', () => {
  const isLocal = /\bIntl\.|toLocale\w*\(|localeCompare/;
  expect(sources.filter((file) => isLocal.test(read(file)))).toEqual([]);
});

it('keeps no state in modules: a worker may share them between workflows', () => {
  expect(sources.filter((file) => /^(?:export )?let /m.test(read(file)))).toEqual([]);
});

it('names every patch in one place, with the ADR that explains it', () => {
  const used = sources.flatMap((file) =>
    [...read(file).matchAll(/\b(?:patched|deprecatePatch)\('([^']+)'\)/g)].map((match) => match[1]),
  );
  expect(new Set(used)).toEqual(new Set(Object.keys(patches)));
  expect(Object.values(patches).filter((adr) => !existsSync(join(root, adr)))).toEqual([]);
});
