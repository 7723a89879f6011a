// What ships in knowledge/: that it is valid, whole, and what the code has of it.

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { readKnowledgeFolder } from '../../../activities/adapters/knowledge-folder';
import { knowledgeJsonSchema } from '../../../activities/knowledge/knowledge-schema';
import { readShippedKnowledge } from '../../../activities/knowledge/read-knowledge';
import { itemsOf } from '../../../domain/knowledge/entries';
import { minorFiles, sourceText, whyUnknown } from '../../../domain/knowledge/lookups';
import { shippedKnowledge } from '../../../domain/knowledge/shipped';
import type { KubeMinor } from '../../../domain/versions';

const root = resolve(__dirname, '../../..');

describe('knowledge/', () => {
  it('is valid, with nothing double, and the code has it as it is (tools/knowledge)', async () => {
    const texts = await readKnowledgeFolder(join(root, 'knowledge'));
    expect(readShippedKnowledge(texts)).toEqual({ kind: 'read', files: shippedKnowledge });
  });

  it('has a file of every minor from 1.26 to 1.37', () => {
    const minors = minorFiles(shippedKnowledge).map(({ minor }) => minor);
    expect(minors).toEqual(Array.from({ length: 12 }, (_, index) => `1.${index + 26}`));
  });

  it('tells a source of every entry, and a reason of everything unknown', () => {
    const sources = shippedKnowledge.flatMap((file) =>
      itemsOf(file).map(({ value }) =>
        sourceText(file, (value as { readonly source: string }).source),
      ),
    );
    expect(sources.length).toBeGreaterThan(500);
    expect(sources.filter((one) => !/^https:\/\/\S+$|[/ ]/.test(one))).toEqual([]);
    expect(whyUnknown(shippedKnowledge, '1.37' as KubeMinor, 'containerd')).toBe(
      'containerd.io/releases names no exact oldest release for it',
    );
  });

  it('ships with the JSON Schema of the code', () => {
    const shipped: unknown = JSON.parse(
      readFileSync(join(root, 'docs/knowledge.schema.json'), 'utf8'),
    );
    expect(shipped).toEqual(knowledgeJsonSchema());
  });
});
