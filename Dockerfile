# The gateway and the simulator in one image: the same source, another command.
# No build step: Node runs the TypeScript as it is (type stripping).
# Debian and not Alpine: the binaries of ONNX Runtime want glibc.
FROM node:24-bookworm-slim

ENV NODE_ENV=production
WORKDIR /app

# The lockfile first, so that a change of the source does not install anew. The runtime packages of
# `optionalDependencies` are left out: the image has its own Node.
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional && npm cache clean --force

COPY schemas schemas
COPY broker broker
COPY gateway gateway
COPY devices-sim devices-sim
COPY control-center control-center
COPY LICENSE README.md CHANGELOG.md ./

# Data is the only thing that is written.
RUN mkdir -p /data /site && chown node:node /data /site
VOLUME ["/data"]
USER node

EXPOSE 8883 8080
STOPSIGNAL SIGTERM
# For the port and plain HTTP of the command below; who serves HTTPS or another port names a check of their own.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/health/ready').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]

# As in package.json. A young generation of 4 MB: a gateway takes a fifth less memory, and its pauses are shorter. No full
# collection of a thread's heap below 64 MB: the memory that passes through it would ask for one every ten. Young
# collections without helpers: those give way to the door (gateway/kit/niceness.ts), and it would wait for them.
ENTRYPOINT ["node", "--max-semi-space-size=4", "--initial-old-space-size=64", "--no-parallel-scavenge"]
CMD ["gateway/main.ts", "--data-dir", "/data", "--mqtt-host", "0.0.0.0", "--web-host", "0.0.0.0"]
