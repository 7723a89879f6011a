import { laneEffects, laneSentence } from '../../../domain/plan/lane-effects';
import { aCluster, aPlan, aPool, aSpec, minor } from '../../support/builders';

function effectsOf(lane: 'every-hop' | 'fewest-drains', target: string, at = '1.28.15') {
  const observation = aCluster().withMembers(3).withNodes(2, at).observation();
  const spec = aSpec({ target: minor(target), pools: [aPool({ lane })] });
  return laneEffects(aPlan(spec, observation));
}

describe('what a lane saves and risks', () => {
  it('is told of kubelets that stay behind', () => {
    const effects = effectsOf('fewest-drains', '1.30');
    expect(effects).toEqual([
      {
        pool: 'workers',
        lane: 'fewest-drains',
        drains: 2,
        mostBehind: 1,
        other: { lane: 'every-hop', drains: 4, mostBehind: 0 },
      },
    ]);
    expect(effects.map(laneSentence)).toEqual([
      'pool workers: fewest-drains saves 2 of 4 drains; its kubelets are up to 1 minor behind' +
        ' until they jump, and then take the changes of all those minors at once',
    ]);
  });

  it('is told of drains that the other lane would save', () => {
    const effects = effectsOf('every-hop', '1.31');
    expect(effects.map(laneSentence)).toEqual([
      'pool workers: fewest-drains would save 4 of 6 drains, with kubelets up to 2 minors' +
        ' behind meanwhile',
    ]);
  });

  it('is nothing where both lanes drain alike', () => {
    expect(effectsOf('every-hop', '1.29')).toEqual([]);
    expect(effectsOf('fewest-drains', '1.29')).toEqual([]);
  });
});
