import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["src/openapi/**", "node_modules/**", "*.mjs", "eslint.config.js"] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      // Numbers stand in templates all over a page of numbers; they are formatted before.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
    },
  },
);
