/** @type {import('jest').Config} */
module.exports = {
	testEnvironment: 'node',
	roots: ['<rootDir>/test/unit', '<rootDir>/test/integration'],
	transform: {
		'^.+\\.[jt]s$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' }, target: 'es2023' } }],
	},
	// These are published as ES modules, which jest cannot load as they are.
	transformIgnorePatterns: ['/node_modules/(?!(kysely|raw-body|cockatiel)/)'],
	testTimeout: 30_000,
};
