import { defineConfig } from 'vite'

/** The verifier for Node, in one file: dist/batch/verify.mjs. */
export default defineConfig({
  build: {
    ssr: 'verify/batch.ts',
    outDir: 'dist/batch',
    emptyOutDir: true,
    rolldownOptions: { output: { entryFileNames: 'verify.mjs' } },
  },
  ssr: { noExternal: true },
})
