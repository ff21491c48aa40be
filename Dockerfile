# Paybell as an image: Node 24 runs the sources as they are (type stripping: nothing is built) on the production
# dependencies. Several of it behind a load balancer: compose.yaml, docs/guides/scaling.md.
#
#   docker build -t paybell .
#   docker run --rm -p 127.0.0.1:8000:8000 -e PAYBELL_SANDBOX_PUBLIC=1 -v paybell:/data paybell
#   docker run --rm -v paybell:/data paybell doctor

FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
COPY packages/protocol/package.json packages/protocol/
COPY packages/server/package.json packages/server/
# The versions of the lock file. Not `npm ci`: it refuses a lock file without the packages of every platform, and the
# tools of the tests have some that only their own platform is given. No scripts: nothing that runs here is compiled.
RUN npm install --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:24-slim
ENV NODE_ENV=production \
    PAYBELL_HOST=0.0.0.0 \
    PAYBELL_PORT=8000 \
    PAYBELL_DATA_DIR=/data
WORKDIR /app
COPY --from=dependencies /app ./
COPY LICENSE ./
COPY packages packages/
RUN mkdir /data && chown node:node /data
USER node
# paybell.config.json is looked for here: mount one read-only, or say everything in the environment.
WORKDIR /data
VOLUME /data
EXPOSE 8000
# Alive, not ready: starting a node again does not bring its database back. /readyz is for the load balancer.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PAYBELL_PORT}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# The server is the first process and hears SIGTERM itself: it drains and ends with 0.
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "--conditions=@paybell/source", "/app/packages/server/src/cli/paybell.ts"]
CMD ["start"]
