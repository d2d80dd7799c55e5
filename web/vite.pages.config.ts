import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'
import { singleFile } from './build/single-file.ts'

/** The pages behind a sign-in, each in one file; `--mode` names the place: dist/<place>/index.html. */
export default defineConfig(({ mode }) => ({
  root: mode,
  base: './',
  plugins: [vue(), singleFile("'self'")],
  build: {
    outDir: `../dist/${mode}`, emptyOutDir: true, modulePreload: false, cssCodeSplit: false, assetsInlineLimit: 0,
  },
}))
