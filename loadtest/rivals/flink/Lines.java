import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.file.src.FileSource;
import org.apache.flink.connector.file.src.FileSourceSplit;
import org.apache.flink.connector.file.src.assigners.SimpleSplitAssigner;
import org.apache.flink.connector.file.src.enumerate.FileEnumerator;
import org.apache.flink.connector.file.src.reader.StreamFormat;
import org.apache.flink.core.fs.FSDataInputStream;
import org.apache.flink.core.fs.Path;

/** A file's lines as bytes. Flink's own text format reads a file on one thread; this one reads ranges of it on all. */
final class Lines implements StreamFormat<byte[]> {
    private static final long SPLIT_BYTES = 4 << 20;
    private static final int BUFFER_BYTES = 64 << 10;

    static FileSource<byte[]> of(String path) {
        return FileSource.forRecordStreamFormat(new Lines(), new Path(path))
                .setFileEnumerator(InOrder::new)
                .setSplitAssigner(SimpleSplitAssigner::new)
                .build();
    }

    /** Ranges of the file, last one first: the assigner takes them from the end, and event time has to move on. */
    private static final class InOrder implements FileEnumerator {
        @Override
        public Collection<FileSourceSplit> enumerateSplits(Path[] paths, int minimum) throws IOException {
            List<FileSourceSplit> splits = new ArrayList<>();
            for (Path path : paths) {
                var status = path.getFileSystem().getFileStatus(path);
                long size = status.getLen();
                for (long from = 0; from < size; from += SPLIT_BYTES) {
                    long length = Math.min(SPLIT_BYTES, size - from);
                    splits.add(0, new FileSourceSplit(
                            Long.toString(from), path, from, length, status.getModificationTime(), size));
                }
            }
            return splits;
        }
    }

    @Override
    public Reader<byte[]> createReader(Configuration config, FSDataInputStream stream, long fileLen, long splitEnd)
            throws IOException {
        return new LineReader(stream, splitEnd);
    }

    @Override
    public Reader<byte[]> restoreReader(
            Configuration config, FSDataInputStream stream, long restoredOffset, long fileLen, long splitEnd) {
        throw new UnsupportedOperationException("the bench takes no checkpoints");
    }

    @Override
    public boolean isSplittable() {
        return true;
    }

    @Override
    public TypeInformation<byte[]> getProducedType() {
        return PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO;
    }

    /** The lines whose first byte lies in the split. */
    private static final class LineReader implements Reader<byte[]> {
        private final FSDataInputStream stream;
        private final long splitEnd;
        private final byte[] buffer = new byte[BUFFER_BYTES];
        private int next;
        private int filled;
        /** Place of the next byte in the file. */
        private long at;

        LineReader(FSDataInputStream stream, long splitEnd) throws IOException {
            this.stream = stream;
            this.splitEnd = splitEnd;
            at = stream.getPos();
            if (at > 0) {
                stream.seek(--at);
                line();
            }
        }

        @Override
        public byte[] read() throws IOException {
            return at < splitEnd ? line() : null;
        }

        /** The line at hand, without its newline; null at the end of the file. */
        private byte[] line() throws IOException {
            ByteArrayOutputStream begun = null;
            while (next < filled || fill()) {
                int end = next;
                while (end < filled && buffer[end] != '\n') {
                    end++;
                }
                int start = next;
                boolean whole = end < filled;
                next = whole ? end + 1 : end;
                at += next - start;
                if (whole && begun == null) {
                    return java.util.Arrays.copyOfRange(buffer, start, end);
                }
                begun = begun == null ? new ByteArrayOutputStream() : begun;
                begun.write(buffer, start, end - start);
                if (whole) {
                    return begun.toByteArray();
                }
            }
            return begun == null ? null : begun.toByteArray();
        }

        private boolean fill() throws IOException {
            next = 0;
            filled = Math.max(stream.read(buffer), 0);
            return filled > 0;
        }

        @Override
        public void close() throws IOException {
            stream.close();
        }
    }
}
