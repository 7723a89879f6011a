import { version } from '../../package.json';
import { readAscentVersion } from '../../worker/ascent-version';

it('the version that records tell is that of the package', () => {
  expect(readAscentVersion()).toBe(version);
});
