const { transform, transformIgnorePatterns } = require('../../jest.config');

/** @type {import('jest').Config} */
module.exports = {
	rootDir: '../..',
	roots: ['<rootDir>/test/e2e', '<rootDir>/test/browser'],
	testEnvironment: 'node',
	transform,
	globalSetup: '<rootDir>/test/e2e/harness/pack-once.ts',
	// Each file has an n8n of its own, which mostly waits for its next tick.
	maxWorkers: 3,
	transformIgnorePatterns,
	modulePathIgnorePatterns: ['<rootDir>/test/e2e/node_modules'],
	// A tick of polling comes once a minute.
	testTimeout: 240_000,
};
