# hstlc in a container: docker build --tag hstlc .
FROM python:3.11-slim AS wheel
WORKDIR /source
COPY . .
RUN pip install --no-cache-dir --constraint constraints.txt build hatchling \
 && python -m build --wheel --no-isolation --outdir /wheel

FROM python:3.11-slim
COPY --from=wheel /wheel /wheel
COPY constraints.txt /wheel/
RUN pip install --no-cache-dir --constraint /wheel/constraints.txt /wheel/*.whl \
 && rm -r /wheel \
 && useradd --create-home --uid 1000 hstlc \
 && install --directory --owner hstlc --group hstlc --mode 0770 /data
USER hstlc
ENV HSTLC_HOME_DIR=/data
VOLUME /data
ENTRYPOINT ["hstlc"]
CMD ["--help"]
