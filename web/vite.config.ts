import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'
import { singleFile } from './build/single-file.ts'

/** The verifier's page, in one file: dist/verify/index.html. */
export default defineConfig({
  root: 'verify',
  base: './',
  plugins: [vue(), singleFile()],
  build: { outDir: '../dist/verify', emptyOutDir: true, modulePreload: false, cssCodeSplit: false, assetsInlineLimit: 0 },
})
