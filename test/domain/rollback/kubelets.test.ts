import { newerKubelets } from '../../../domain/rollback/kubelets';
import { nodeName, version } from '../../support/builders';

const seen = (name: string, text: string | undefined) => ({
  name: nodeName(name),
  version: text === undefined ? undefined : version(text),
});
const before = (name: string, from: string) => ({ name: nodeName(name), from: version(from) });

describe('kubelets that would be newer than the API server', () => {
  it('return where the hop takes them, also past several minors, and are told elsewhere', () => {
    const nodes = [
      seen('same', '1.28.15'),
      seen('gone-up', '1.30.14'),
      seen('silent', undefined),
      seen('joined-new', '1.30.14'),
      seen('joined-silent', undefined),
      seen('joined-old', '1.29.15'),
      seen('far-behind', '1.27.16'),
    ];
    // The pool took two minors at once: the control plane returns to the one in between.
    const takes = ['same', 'gone-up', 'silent', 'gone'].map((name) => before(name, '1.28.15'));
    const to = version('1.28.15');
    expect(newerKubelets(nodes, { at: version('1.29.15'), takes })).toEqual({
      returning: [
        { seen: nodes[1], to },
        { seen: nodes[2], to },
      ],
      staying: [nodes[3], nodes[4]],
    });
  });
});
