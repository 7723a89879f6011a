import { givenVariables } from '../../domain/temporal-variables';

it('leaves out what is not set or set to nothing, but for headers', () => {
  const env = {
    TEMPORAL_ADDRESS: '',
    TEMPORAL_NAMESPACE: 'upgrades',
    TEMPORAL_PROFILE: undefined,
    TEMPORAL_GRPC_META_TEAM: '',
  };
  expect(givenVariables(env)).toEqual({
    TEMPORAL_NAMESPACE: 'upgrades',
    TEMPORAL_GRPC_META_TEAM: '',
  });
});
