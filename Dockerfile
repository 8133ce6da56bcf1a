# Pellucid for the CPU, with its pages in a browser.
#
#   docker build -t pellucid .
#   docker run --rm --network host -v "$PWD:/data" pellucid                       the pages; prints their address
#   docker run --rm -v "$PWD:/data" pellucid denoise noisy/ denoised/             any other command
#
# The pages answer the loopback interface alone, hence --network host (Linux). Files are written by user 1000;
# for another: --user "$(id -u):$(id -g)".
FROM python:3.11-slim-bookworm AS build

# a C compiler for the kernels; it does not come into the image
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN tools/environment /opt/pellucid '.[app,classical,export,microscopes,volumes]'

FROM python:3.11-slim-bookworm
# torch's OpenMP comes with it; nothing of the system is needed beside Python
COPY --from=build /opt/pellucid /opt/pellucid
RUN useradd --create-home --uid 1000 pellucid
USER 1000
ENV PATH=/opt/pellucid/bin:$PATH
WORKDIR /data
ENTRYPOINT ["pellucid"]
CMD ["app", "--no-browser"]
