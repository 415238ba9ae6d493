// An image to look at closely: fitted to the window, or at any size, dragged about.
import {
  type PointerEvent,
  type ReactElement,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from 'react'
import { Notice } from '#ui/Notice.tsx'
import './image.css'

interface ImageViewProps {
  src: string
  name: string
}

const [LEAST, MOST, STEP] = [0.05, 32, 1.25]

export function ImageView({ src, name }: ImageViewProps): ReactElement {
  const frame = useRef<HTMLDivElement>(null)
  const [size, setSize] = useState<{ width: number; height: number } | null>(null)
  // Null is fitted.
  const [zoom, setZoom] = useState<number | null>(null)
  const [box, setBox] = useState({ width: 0, height: 0 })
  const [isBroken, setBroken] = useState(false)
  const from = useRef<{ x: number; y: number; left: number; top: number } | null>(null)
  useLayoutEffect(() => {
    const element = frame.current
    if (!element) return
    const measure = () => setBox({ width: element.clientWidth, height: element.clientHeight })
    measure()
    const watch = new ResizeObserver(measure)
    watch.observe(element)
    return () => watch.disconnect()
  }, [])
  const fitted = size
    ? Math.min(1, (box.width - 32) / size.width, (box.height - 32) / size.height)
    : 1
  const shown = zoom ?? fitted
  const change = (by: number) => setZoom(Math.min(MOST, Math.max(LEAST, shown * by)))
  const latest = useRef(change)
  latest.current = change
  useEffect(() => {
    const element = frame.current
    if (!element) return
    const wheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return
      event.preventDefault()
      latest.current(event.deltaY < 0 ? STEP : 1 / STEP)
    }
    element.addEventListener('wheel', wheel, { passive: false })
    return () => element.removeEventListener('wheel', wheel)
  }, [])
  const down = (event: PointerEvent<HTMLDivElement>) => {
    const element = event.currentTarget
    if (event.button !== 0 || event.pointerType === 'touch') return
    element.setPointerCapture(event.pointerId)
    from.current = {
      x: event.clientX,
      y: event.clientY,
      left: element.scrollLeft,
      top: element.scrollTop,
    }
  }
  const move = (event: PointerEvent<HTMLDivElement>) => {
    if (!from.current) return
    event.currentTarget.scrollLeft = from.current.left - (event.clientX - from.current.x)
    event.currentTarget.scrollTop = from.current.top - (event.clientY - from.current.y)
  }
  const up = () => {
    from.current = null
  }
  if (isBroken) {
    return (
      <Notice
        title="The image could not be shown"
        trouble={{ message: 'This browser cannot read it.', remedy: 'Download it.' }}
      />
    )
  }
  return (
    <div className="image-view">
      <div
        ref={frame}
        role="figure"
        aria-label={name}
        className="image-frame"
        onPointerDown={down}
        onPointerMove={move}
        onPointerUp={up}
        onPointerCancel={up}
        onDoubleClick={() => setZoom(zoom === null ? 1 : null)}
      >
        <img
          src={src}
          alt={name}
          draggable={false}
          className={shown > 2 ? 'pixels' : undefined}
          style={size ? { width: size.width * shown, height: size.height * shown } : { opacity: 0 }}
          onLoad={(event) => {
            const { naturalWidth, naturalHeight } = event.currentTarget
            // An SVG may name no size of its own.
            setSize({ width: naturalWidth || 300, height: naturalHeight || 150 })
          }}
          onError={() => setBroken(true)}
        />
      </div>
      <div className="image-tools">
        <button
          type="button"
          className="quiet"
          aria-label="Smaller"
          onClick={() => change(1 / STEP)}
        >
          −
        </button>
        <span className="tabular">{Math.round(shown * 100)}%</span>
        <button type="button" className="quiet" aria-label="Larger" onClick={() => change(STEP)}>
          +
        </button>
        <button
          type="button"
          className="quiet"
          aria-pressed={zoom === null}
          onClick={() => setZoom(null)}
        >
          Fit
        </button>
        <button
          type="button"
          className="quiet"
          aria-pressed={zoom === 1}
          onClick={() => setZoom(1)}
        >
          100%
        </button>
        {size && (
          <span className="muted tabular">
            {size.width} × {size.height}
          </span>
        )}
      </div>
    </div>
  )
}
