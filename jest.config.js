/** @type {import('jest').Config} */
module.exports = {
	testEnvironment: 'node',
	roots: ['<rootDir>/test/unit', '<rootDir>/test/integration'],
	transform: {
		'^.+\\.m?[jt]s$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' }, target: 'es2023' } }],
	},
	// These are published as ES modules, which jest cannot load as they are.
	transformIgnorePatterns: [
		'/node_modules/(?!(kysely|raw-body|d3-[a-z-]+|internmap|escape-goat|cockatiel|@scure/base|@octokit/webhooks-methods|@linear/sdk|svix|@apidevtools/json-schema-ref-parser)/)',
	],
	// It is published for `import` alone, and tests are compiled to `require`.
	moduleNameMapper: {
		'^@octokit/webhooks-methods$': '<rootDir>/node_modules/@octokit/webhooks-methods/dist-node/index.js',
	},
	// The one that hands out the files has nothing to do meanwhile.
	maxWorkers: '100%',
	// For a test that hangs; how long one takes is for the machine to say.
	testTimeout: 600_000,
};
