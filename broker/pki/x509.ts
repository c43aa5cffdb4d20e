/** `@peculiar/x509` on WebCrypto, with what it needs loaded first. Everybody here imports it from this file. */
import './reflection.ts'

export * from '@peculiar/x509'
